//! What operators look at: the node, its peers, what is held, who is a member.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// `GET /health`: the process answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    pub status: String,
    /// The version of the software.
    pub version: String,
}

/// `GET /ready`: 200 when the node takes and gives messages, else 503.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Whether it is ready.
    pub ready: bool,
    /// How far the start has come, 0 to 100.
    pub percent: u8,
    /// What it is doing: `opening the store`, `reading records`, `ready`, `stopping`.
    pub doing: String,
}

/// How much the store may still take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomView {
    /// Everything.
    Plenty,
    /// Control records only; the reserve is being used.
    ControlOnly,
    /// Nothing.
    Full,
}

/// `GET /v1/node`: this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeView {
    /// The version of the software.
    pub version: String,
    /// Whose node it is.
    pub member: String,
    /// The bureau's name in the charter.
    pub name: String,
    /// The network's id.
    pub network_id: String,
    /// The network's name.
    pub network_name: String,
    /// The newest roster epoch known.
    pub roster_epoch: u32,
    /// The generation in which the node writes; absent while it asks its peers for its own history.
    pub generation: Option<u32>,
    /// Names the store.
    pub instance: String,
    /// When the node may write at the latest, in milliseconds from now, if it is asking its peers for its own
    /// history.
    pub recovering_ms: Option<u64>,
    /// Whether it is locked: it carries records, and shows and takes no documents.
    #[serde(default)]
    pub locked: bool,
    /// How much the store may still take.
    pub room: RoomView,
    /// Records held.
    pub records: u64,
    /// Logs held, of all members, lanes and generations.
    pub logs: u64,
    /// Records that wait for their predecessors.
    pub early: u64,
    /// Pushed records that were over their author's quota since the start, and were left to the pull.
    pub deferred: u64,
    /// Bodies that are missing or damaged here and are being fetched.
    pub holes: u64,
    /// Logs that have forked, as `KE/1/0`.
    pub disputed: Vec<String>,
    /// How far the own clock is from the median of the peers.
    pub clock_skew_ms: Option<i64>,
    /// Peers that are connected now.
    pub connected: u64,
    /// Members of the network, this one included.
    pub members: u64,
    /// Where the node can be reached by peers.
    pub listening: Vec<String>,
    /// The libp2p peer id.
    pub peer_id: String,
    /// When the process started.
    pub started_at_ms: u64,
    /// The node's clock.
    pub now_ms: u64,
}

/// `GET /v1/peers`: the other members' nodes, by member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeersView {
    /// One for each other member.
    pub peers: Vec<PeerView>,
}

/// Another member's node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeerView {
    /// Whose node it is.
    pub member: String,
    /// The bureau's name in the charter.
    pub name: String,
    /// Whether there is a link with it.
    pub connected: bool,
    /// The transport key, 64 digits, if it is known.
    pub transport_key: Option<String>,
    /// Records that this node holds and it lacks, by its last frontier.
    pub behind: u64,
    /// Records that it holds and this node lacks.
    pub ahead: u64,
    /// When its last frontier came here, by whatever way.
    pub last_frontier_at_ms: Option<u64>,
    /// How far its clock was from this node's then.
    pub clock_skew_ms: Option<i64>,
    /// For how long it is still cut off.
    pub blocked_ms: Option<u64>,
    /// How often it was cut off.
    pub blame_count: u32,
    /// Why, the last time.
    pub last_blame: Option<String>,
    /// Whether its records are beyond their budget and are not pulled for now.
    pub over_budget: bool,
    /// Where it is dialled.
    pub addresses: Vec<String>,
}

/// Query of `GET /v1/frontier`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FrontierQuery {
    /// Another member, for what its node said last; this node if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
}

/// `GET /v1/frontier`: up to where each log is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FrontierView {
    /// Whose node holds this.
    pub member: String,
    /// One for each log, ascending by author, lane and generation.
    pub entries: Vec<FrontierEntryView>,
    /// Ids of records below the frontier whose body is missing or damaged; known for this node only.
    pub holes: Vec<String>,
    /// SHA-256 over entries and holes: equal digests mean equal holdings. Known for this node only.
    pub digest: Option<String>,
}

/// Up to where one log is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FrontierEntryView {
    /// Whose log.
    pub author: String,
    /// Which of the four chains.
    pub lane: LaneName,
    /// Its generation.
    pub generation: u32,
    /// Highest sequence number without a gap below it.
    pub seq: u64,
    /// Id of the record there.
    pub head: String,
}

/// A lane by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LaneName {
    /// Keys, announcements, votes, erasures, receipts.
    Control,
    /// Messages, notices and diffusions.
    Messages,
    /// Database entries.
    Entries,
    /// Chunks and batches.
    Bulk,
}

impl From<ecomesh_record::Lane> for LaneName {
    fn from(lane: ecomesh_record::Lane) -> Self {
        match lane.number() {
            0 => Self::Control,
            1 => Self::Messages,
            2 => Self::Entries,
            // Lanes are 0 to 3.
            _ => Self::Bulk,
        }
    }
}

/// `GET /v1/network`: the roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NetworkView {
    /// The network's id: SHA-256 of the charter.
    pub network_id: String,
    /// The id in groups, to be compared over the telephone.
    pub fingerprint: String,
    /// The network's name.
    pub name: String,
    /// When the charter was drafted.
    pub drafted_at_ms: u64,
    /// The newest roster epoch known.
    pub roster_epoch: u32,
    /// All members, ascending.
    pub members: Vec<MemberView>,
    /// Who reviews notices and diffusions, by the charter.
    #[serde(default)]
    pub reviewers: Vec<String>,
    /// How many of them must agree.
    #[serde(default)]
    pub quorum: u64,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberView {
    /// Its letters.
    pub member: String,
    /// The bureau's name.
    pub name: String,
    /// `country`, `entity`, `reviewer`, `keeper`, or a number that this version does not know.
    pub role: String,
    /// Whether it is this node's own bureau.
    pub own: bool,
    /// Generations known of its logs.
    pub generations: u32,
    /// The Ed25519 key of its newest generation, 64 digits.
    pub signing_key: String,
    /// That key in groups, to be compared over the telephone.
    pub fingerprint: String,
    /// Where its node listens, by the charter.
    pub addresses: Vec<String>,
}
