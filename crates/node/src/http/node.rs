//! What operators look at: the node, its peers, what is held, who is a member.

use axum::Json;
use ecomesh_api::{
    FrontierEntryView, FrontierQuery, FrontierView, MemberView, NetworkView, NodeView, PeerView, PeersView,
    Problem, ProblemCode, RoomView,
};
use ecomesh_protocol::core::PeerStatus;
use ecomesh_protocol::ledger::Room;
use ecomesh_record::{CharterMember, FrontierEntry, MemberId, Role};
use ecomesh_seal::fingerprint;

use super::extract::{ApiQuery, Live, bad_request};
use super::{Refusal, Services, damaged};
use crate::core_thread::NodeCore;

/// This node.
#[utoipa::path(get, path = "/v1/node", responses((status = 200, body = NodeView), (status = 503, body = Problem)))]
pub(crate) async fn node(Live(services): Live) -> Result<Json<NodeView>, Refusal> {
    let (status, peers) = services.core.query(|core, now| (core.status(now), core.peers(now))).await?;
    let listening = services.listening.borrow().clone();
    Ok(Json(NodeView {
        version: env!("CARGO_PKG_VERSION").into(),
        member: services.own.to_string(),
        name: services.name_of(services.own),
        network_id: services.roster.network().to_string(),
        network_name: services.roster.charter().network.clone(),
        roster_epoch: services.roster.epoch(),
        generation: status.generation,
        instance: hex::encode(status.instance),
        recovering_ms: status.recovering_ms,
        locked: services.mail.safe().is_locked(),
        room: match status.room {
            Room::Plenty => RoomView::Plenty,
            Room::ControlOnly => RoomView::ControlOnly,
            Room::None => RoomView::Full,
        },
        records: status.records,
        logs: status.logs as u64,
        early: status.parked as u64,
        deferred: status.deferred,
        holes: status.holes as u64,
        disputed: status.disputed.iter().map(ToString::to_string).collect(),
        clock_skew_ms: status.clock_skew_ms,
        connected: peers.iter().filter(|peer| peer.connected).count() as u64,
        members: services.roster.len() as u64,
        listening,
        peer_id: services.net.local_key().peer_id_text(),
        started_at_ms: services.started_at.0,
        now_ms: services.now().0,
    }))
}

/// The other members' nodes.
#[utoipa::path(get, path = "/v1/peers", responses((status = 200, body = PeersView), (status = 503, body = Problem)))]
pub(crate) async fn peers(Live(services): Live) -> Result<Json<PeersView>, Refusal> {
    let peers = services.core.query(NodeCore::peers).await?;
    let peers = peers.into_iter().map(|peer| peer_view(&services, peer)).collect();
    Ok(Json(PeersView { peers }))
}

/// Up to where each log is held, here or at another member.
#[utoipa::path(
    get, path = "/v1/frontier", params(FrontierQuery),
    responses((status = 200, body = FrontierView), (status = 404, body = Problem), (status = 422, body = Problem))
)]
pub(crate) async fn frontier(
    Live(services): Live,
    ApiQuery(query): ApiQuery<FrontierQuery>,
) -> Result<Json<FrontierView>, Refusal> {
    let member = match &query.member {
        None => services.own,
        Some(text) => member_of(&services, text)?,
    };
    if member == services.own {
        return own_frontier(&services).await;
    }
    let entries = services.core.query(move |core, _| core.frontier_of(member)).await?;
    let Some(entries) = entries else {
        let message = format!("nothing is known yet of what {member} holds");
        return Err(Refusal(
            Problem::new(ProblemCode::NotFound, message)
                .advice("wait until its node was met; see `ecomesh peers`"),
        ));
    };
    let entries = entries.iter().map(entry_view).collect();
    Ok(Json(FrontierView { member: member.to_string(), entries, holes: Vec::new(), digest: None }))
}

/// The roster.
#[utoipa::path(get, path = "/v1/network", responses((status = 200, body = NetworkView), (status = 503, body = Problem)))]
pub(crate) async fn network(Live(services): Live) -> Result<Json<NetworkView>, Refusal> {
    let roster = &services.roster;
    Ok(Json(NetworkView {
        network_id: roster.network().to_string(),
        fingerprint: fingerprint(roster.network().as_bytes()),
        name: roster.charter().network.clone(),
        drafted_at_ms: roster.charter().drafted_at.0,
        roster_epoch: roster.epoch(),
        members: roster.members().map(|m| member_view(&services, m)).collect(),
        reviewers: services.board.review().reviewers().map(ToString::to_string).collect(),
        quorum: services.board.review().quorum() as u64,
    }))
}

/// A member of this network, by its letters.
pub(super) fn member_of(services: &Services, text: &str) -> Result<MemberId, Refusal> {
    let member = MemberId::parse(text).map_err(|e| bad_request(e.to_string()))?;
    if services.roster.contains(member) {
        return Ok(member);
    }
    let message = format!("{member} is not a member of this network");
    Err(Refusal(
        Problem::new(ProblemCode::UnknownMember, message).advice("`ecomesh network` lists the members"),
    ))
}

async fn own_frontier(services: &Services) -> Result<Json<FrontierView>, Refusal> {
    let frontier = services.core.query(NodeCore::frontier).await?.map_err(|e| damaged(&e))?;
    Ok(Json(FrontierView {
        member: services.own.to_string(),
        digest: Some(hex::encode(frontier.holdings(services.roster.network()))),
        entries: frontier.entries.iter().map(entry_view).collect(),
        holes: frontier.holes.iter().map(ToString::to_string).collect(),
    }))
}

fn entry_view(entry: &FrontierEntry) -> FrontierEntryView {
    FrontierEntryView {
        author: entry.log.author.to_string(),
        lane: entry.log.lane.into(),
        generation: entry.log.generation,
        seq: entry.seq,
        head: entry.head.to_string(),
    }
}

fn peer_view(services: &Services, peer: PeerStatus) -> PeerView {
    PeerView {
        member: peer.member.to_string(),
        name: services.name_of(peer.member),
        connected: peer.connected,
        transport_key: peer.peer.map(|key| hex::encode(key.0)),
        behind: peer.behind,
        ahead: peer.ahead,
        last_frontier_at_ms: peer.last_frontier_at.map(|time| time.0),
        clock_skew_ms: peer.clock_skew_ms,
        blocked_ms: peer.blocked_ms,
        blame_count: peer.blame_count,
        last_blame: peer.last_blame,
        over_budget: peer.over_budget,
        addresses: services.dialled.get(&peer.member).cloned().unwrap_or_default(),
    }
}

fn member_view(services: &Services, m: &CharterMember) -> MemberView {
    let ring = services.ring.load();
    // Every member of the roster has a key; the charter's is the first of them.
    let key = ring.newest(m.member).map_or(m.signing_key, |key| *key.as_bytes());
    MemberView {
        member: m.member.to_string(),
        name: m.name.clone(),
        role: match Role(m.role) {
            Role::COUNTRY => "country".into(),
            Role::ENTITY => "entity".into(),
            Role::REVIEWER => "reviewer".into(),
            Role::KEEPER => "keeper".into(),
            Role(other) => other.to_string(),
        },
        own: m.member == services.own,
        generations: u32::try_from(ring.generations(m.member)).unwrap_or(u32::MAX),
        signing_key: hex::encode(key),
        fingerprint: fingerprint(&key),
        addresses: services.roster.addresses(m.member).to_vec(),
    }
}
