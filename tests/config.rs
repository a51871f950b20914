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
