//! What is sealed to.

use axum::Json;
use ecomesh_api::{
    KeptFor, KnownPrekeyView, MemberPrekeyView, OwnPrekeyView, PrekeyUse, PrekeysView, Problem,
};
use ecomesh_protocol::prekeys::Use;
use ecomesh_protocol::rotation::Fate;
use ecomesh_record::MemberId;

use super::extract::Live;
use super::{Refusal, Services};
use crate::core_thread::CoreGone;
use crate::sealing::keeper::{Moment, is_published};

/// Own prekeys, and those of others to which a message would be sealed now.
#[utoipa::path(
    get, path = "/v1/prekeys", responses((status = 200, body = PrekeysView), (status = 503, body = Problem))
)]
pub(crate) async fn prekeys(Live(services): Live) -> Result<Json<PrekeysView>, Refusal> {
    let moment = Moment::now(&services.core).await.map_err(|_| Refusal::from(CoreGone::Stopped))?;
    let view = services.read(move |services| {
        let others = services.roster.members().map(|m| m.member).filter(|member| *member != services.own);
        Ok(PrekeysView {
            own: own(services, &moment)?,
            others: others.map(|member| other(services, member)).collect(),
        })
    });
    Ok(Json(view.await?))
}

fn own(services: &Services, moment: &Moment) -> Result<Vec<OwnPrekeyView>, Refusal> {
    let list = services.mail.vault()?.prekeys();
    let mut own: Vec<OwnPrekeyView> = list
        .iter()
        .map(|kept| OwnPrekeyView {
            id: hex::encode(kept.secret.public().id().0),
            purpose: purpose(Use(kept.purpose)),
            begins_at_ms: kept.begins_ms,
            ends_at_ms: kept.ends_ms,
            published: is_published(&services.views, kept),
            kept_for: kept_for(moment.fate(&services.mail, kept)),
        })
        .collect();
    own.sort_by_key(|prekey| prekey.begins_at_ms);
    Ok(own)
}

fn other(services: &Services, member: MemberId) -> MemberPrekeyView {
    let chosen = services.views(|views| views.prekey(member, services.now()));
    let problem = chosen.as_ref().err().map(ToString::to_string);
    let prekey = chosen.ok().map(|chosen| KnownPrekeyView {
        id: hex::encode(chosen.prekey.id().0),
        purpose: purpose(chosen.purpose),
        begins_at_ms: chosen.life.map(|(begins, _)| begins.0),
        ends_at_ms: chosen.life.map(|(_, ends)| ends.0),
        position: chosen.position.map(|position| position.to_string()),
    });
    MemberPrekeyView { member: member.to_string(), prekey, problem }
}

fn purpose(purpose: Use) -> PrekeyUse {
    match purpose {
        Use::DAILY => PrekeyUse::Daily,
        Use::FALLBACK => PrekeyUse::Fallback,
        _ => PrekeyUse::Unknown,
    }
}

fn kept_for(fate: Fate) -> KeptFor {
    match fate {
        Fate::InUse => KeptFor::Use,
        Fate::Grace(until) => KeptFor::Mail { until_ms: until.0 },
        Fate::NotSynced { with, of } => KeptFor::Sync { with, of },
        Fate::Unopened => KeptFor::Unopened,
        Fate::Destroy => KeptFor::Nothing,
    }
}
