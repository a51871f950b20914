//! The mappings that come with the program: to be used as they are, or to begin with.

/// A mapping that comes with the program.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// Its name, as typed: "vehicles".
    pub name: &'static str,
    /// What it reads.
    pub purpose: &'static str,
    /// The file, with comments that say how to adapt it.
    pub toml: &'static str,
}

/// All of them.
pub const SHIPPED: &[Shipped] = &[
    Shipped {
        name: "travel-documents",
        purpose: "lists of travel documents that are stolen, lost or no longer good: one SLTD entry a row",
        toml: include_str!("../../mappings/travel-documents.toml"),
    },
    Shipped {
        name: "vehicles",
        purpose: "lists of stolen vehicles: one entry a row",
        toml: include_str!("../../mappings/vehicles.toml"),
    },
    Shipped {
        name: "cites-illegal-trade",
        purpose: "the CITES annual illegal trade report: one Ecomessage a row",
        toml: include_str!("../../mappings/cites-illegal-trade.toml"),
    },
    Shipped {
        name: "pangolin-incidents",
        purpose: "the pangolin incident sheet of the Environmental Investigation Agency: one Ecomessage a row",
        toml: include_str!("../../mappings/pangolin-incidents.toml"),
    },
    Shipped {
        name: "public-notices",
        purpose: "the public list of Red Notices, in JSON: one extract of a notice an entry",
        toml: include_str!("../../mappings/public-notices.toml"),
    },
];

impl Shipped {
    /// The mapping of a name.
    pub fn find(name: &str) -> Option<&'static Self> {
        SHIPPED.iter().find(|mapping| mapping.name == name)
    }
}
