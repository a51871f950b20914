use super::*;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../node-config").join(name)
}

fn parse(text: &str) -> Result<NodeConfig, ConfigError> {
    NodeConfig::parse(text, Path::new("node.toml"))
}

/// The keys of the wrong values in a text.
fn wrong(text: &str) -> Vec<&'static str> {
    match parse(text) {
        Err(ConfigError::Values { problems, .. }) => problems.iter().map(|p| p.key).collect(),
        other => panic!("{text}: {other:?}"),
    }
}

/// Every key of a table, with its sections: `net.links`.
fn keys(table: &toml::Table, prefix: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        match value {
            toml::Value::Table(inner) => all.extend(keys(inner, &format!("{name}."))),
            _ => all.push(name),
        }
    }
    all.sort();
    all
}

#[test]
fn the_shipped_file_is_the_default_and_shows_every_key() {
    let path = shipped("node.toml");
    assert_eq!(NodeConfig::load(&path), Ok(NodeConfig::default()));
    let shown: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
    let default: toml::Table = toml::to_string(&NodeConfig::default()).unwrap().parse().unwrap();
    assert_eq!(keys(&shown, ""), keys(&default, ""));
    assert!(keys(&shown, "").len() > 20);
}

#[test]
fn the_bounds_in_the_shipped_file_are_those_that_are_checked() {
    let text = std::fs::read_to_string(shipped("node.toml")).unwrap();
    let default: toml::Table = text.parse().unwrap();
    for key in keys(&default, "") {
        let (section, name) = key.split_once('.').unwrap();
        let Some(value) = default[section][name].as_integer() else { continue };
        let line = format!("\n{name} = {value}\n");
        assert_eq!(text.matches(&line).count(), 1, "{key}");
        let too_much = text.replace(&line, &format!("\n{name} = {}\n", i64::from(u32::MAX)));
        assert_eq!(wrong(&too_much)[0], key, "every number has an upper bound");
    }
}

#[test]
fn the_three_countries_listen_on_ports_of_their_own() {
    let load = |name: &str| NodeConfig::load(&shipped(&format!("three-countries/{name}.toml"))).unwrap();
    let mut listen: Vec<String> = ["ke", "tz", "th"].iter().flat_map(|name| load(name).net.listen).collect();
    listen.sort();
    listen.dedup();
    assert_eq!(listen.len(), 3);
    assert!(listen.iter().all(|address| address.starts_with("/ip4/127.0.0.1/tcp/471")));
}

#[test]
fn an_empty_text_is_the_default_and_the_default_is_sound() {
    assert_eq!(parse(""), Ok(NodeConfig::default()));
    assert_eq!(NodeConfig::default().problems(), []);
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let error = parse("[net]\nlinks = 3\n\n[api]\nsocket = true\ntpc = \"127.0.0.1:1\"\n").unwrap_err();
    let text = error.to_string();
    assert!(text.contains("node.toml"), "{text}");
    assert!(text.contains("line 6"), "{text}");
    assert!(text.contains("tpc"), "{text}");
    assert!(text.contains("`tcp`"), "the keys that exist are listed: {text}");
}

#[test]
fn a_wrong_type_and_garbage_are_refused() {
    for text in [
        "links = 3",
        "[net]\nlinks = \"3\"",
        "[net]\nlinks = -1",
        "[log]\nformat = \"xml\"",
        "[net.addresses]\nT1 = []",
        "[net",
        "\u{0}\u{1}",
        "[net]\nlinks = 3\nlinks = 4",
    ] {
        assert!(matches!(parse(text), Err(ConfigError::Syntax { .. })), "{text}");
    }
}

#[test]
fn all_wrong_values_are_told_at_once() {
    let text = "[net]\nlinks = 0\nlisten = [\"here\", \"/ip4/0.0.0.0/tcp/1\"]\nredial_ms_max = 10\n\
                [net.addresses]\nTZ = [\"/ip4/0.0.0.0/tcp/1\"]\n\
                [api]\ntcp = \"0.0.0.0:7420\"\n[log]\nlevel = \"loud\"\n[verify]\nthreads = 65\n";
    assert_eq!(
        wrong(text),
        [
            "net.links",
            "net.redial_ms_max",
            "verify.threads",
            "net.listen",
            "net.addresses",
            "api.tcp",
            "log.level"
        ]
    );
    let text = parse(text).unwrap_err().to_string();
    assert!(text.contains("net.links: 0 is not between 1 and 64"), "{text}");
    assert!(text.contains("TZ: /ip4/0.0.0.0/tcp/1 cannot be dialled"), "{text}");
}

#[test]
fn the_api_stays_on_this_machine_and_reachable() {
    assert_eq!(wrong("[api]\nsocket = false"), ["api.socket"]);
    for tcp in ["192.0.2.1:7420", "localhost:7420", "127.0.0.1", "[::]:7420"] {
        assert_eq!(wrong(&format!("[api]\ntcp = \"{tcp}\"")), ["api.tcp"], "{tcp}");
    }
    let config = parse("[api]\nsocket = false\ntcp = \"[::1]:7420\"").unwrap();
    assert_eq!(config.api_tcp(), "[::1]:7420".parse().ok());
    assert_eq!(NodeConfig::default().api_tcp(), None);
}

#[test]
fn levels_are_filters() {
    for level in ["info", "off", "info,ecomesh_net=debug", "ecomesh_node::core=trace, warn"] {
        assert!(parse(&format!("[log]\nlevel = \"{level}\"")).is_ok(), "{level}");
    }
    for level in ["", "INFO!", "info,", "=debug", "ecomesh_net=", "a=b"] {
        assert_eq!(wrong(&format!("[log]\nlevel = \"{level}\"")), ["log.level"], "{level}");
    }
}

#[test]
fn addresses_of_others_are_read() {
    let config = parse("[net.addresses]\ntz = [\"/ip4/192.0.2.20/tcp/4001\"]").unwrap();
    let all: Vec<(MemberId, &[String])> = config.extra_addresses().collect();
    assert_eq!(all, [(MemberId::parse("TZ").unwrap(), ["/ip4/192.0.2.20/tcp/4001".to_owned()].as_slice())]);
    let nine = format!("[net]\nlisten = [{}]", ["\"/ip4/127.0.0.1/tcp/1\""; 9].join(","));
    assert_eq!(wrong(&nine), ["net.listen"]);
}

#[test]
fn threads_follow_the_machine_unless_they_are_given() {
    let mut config = NodeConfig::default();
    assert_eq!([0, 1, 2, 8, 500].map(|n| config.verify_threads(n)), [1, 1, 1, 7, 64]);
    config.verify.threads = 3;
    assert_eq!(config.verify_threads(1), 3);
}

#[test]
fn a_missing_file_is_the_default_only_where_it_may_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("node.toml");
    assert_eq!(NodeConfig::load_or_default(&path), Ok(NodeConfig::default()));
    assert!(matches!(NodeConfig::load(&path), Err(ConfigError::Read { kind: ErrorKind::NotFound, .. })));
    std::fs::write(&path, vec![b'#'; CONFIG_BYTES_MAX as usize + 1]).unwrap();
    assert_eq!(NodeConfig::load(&path), Err(ConfigError::TooLong { path: path.clone() }));
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(matches!(NodeConfig::load_or_default(&path), Err(ConfigError::Read { .. })));
}
