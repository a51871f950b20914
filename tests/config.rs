//! The configuration files that the project ships, and what a wrong one gets.

mod common;

use ecomesh_node::config::NodeConfig;

#[test]
fn the_documented_file_equals_the_defaults() {
    let file = NodeConfig::load(&common::root().join("node-config/node.toml")).expect("a valid file");
    assert_eq!(file, NodeConfig::default());
}

#[test]
fn the_three_countries_have_valid_files_with_ports_of_their_own() {
    let mut listen = std::collections::BTreeSet::new();
    for country in ["ke", "tz", "th"] {
        let path = common::root().join(format!("node-config/three-countries/{country}.toml"));
        let config = NodeConfig::load(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        listen.extend(config.net.listen);
    }
    assert!(listen.is_empty() || listen.len() >= 3, "two nodes share an address: {listen:?}");
}

#[test]
fn a_wrong_configuration_is_refused_with_its_place() {
    let mut network = common::Network::found(&["KE", "TZ"]);
    let home = network.nodes[0].home.clone();
    let passphrase = network.passphrase_file.to_str().expect("a plain path").to_owned();
    for (text, named) in [
        ("[net]\nlisten = 7\n", "listen"),
        ("[net]\nlinkz = 7\n", "linkz"),
        ("[net]\nlinks = 0\n", "links"),
        ("[api]\ntcp = \"0.0.0.0:80\"\n", "tcp"),
        ("\u{0}garbage", "node.toml"),
    ] {
        std::fs::write(home.join("node.toml"), text).expect("a writable home");
        let ran = network.nodes[0].run(&["run", "--passphrase-file", &passphrase]).expect(3);
        assert!(ran.stderr.contains(named), "{text:?}: {ran:?}");
    }
    // With the file mended the node starts: nothing was spoilt.
    std::fs::write(home.join("node.toml"), "").expect("a writable home");
    network.start_node(0);
}

/// The files of the three countries say what they change; everything else stays the default.
#[test]
fn the_three_countries_change_what_they_say_and_nothing_else() {
    let read = |name: &str| common::root().join("node-config").join(name);
    let walk_through = std::fs::read_to_string(read("README.md")).expect("the walk-through");
    for (country, port) in [("ke", 47_101), ("tz", 47_102), ("th", 47_103)] {
        let config =
            NodeConfig::load(&read(&format!("three-countries/{country}.toml"))).expect("a valid file");
        let mut expected = NodeConfig::default();
        expected.net.listen = vec![format!("/ip4/127.0.0.1/tcp/{port}")];
        expected.net.strangers_per_ip_max = 16;
        expected.store.ballast_mib = 16;
        assert_eq!(config, expected, "{country}");
        assert!(
            walk_through.contains(&config.net.listen[0]),
            "README.md and {country}.toml name other ports"
        );
    }
}

#[test]
fn every_key_of_the_documented_file_has_a_comment() {
    let text = std::fs::read_to_string(common::root().join("node-config/node.toml")).expect("the file");
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        if line.contains(" = ") && !line.starts_with('#') {
            // A comment may stand above two keys that belong together.
            let above = &lines[index.saturating_sub(2)..index];
            assert!(above.iter().any(|line| line.starts_with('#')), "no comment above {line:?}");
        }
    }
}
