//! For whom a notice or a diffusion is: all members, those that are named, those that lie in regions.

use std::collections::BTreeSet;

use axum::Json;
use ecomesh_api::{CaseKind, Detail, NoticeAudience, NoticeDraft, Problem, ProblemCode};
use ecomesh_document::codes::{Code, Region};
use ecomesh_document::{Document, region};
use ecomesh_record::MemberId;
use ecomesh_record::limits::ADDRESSEES_MAX;

use super::{Prepared, prepare};
use crate::http::extract::{ApiJson, Live, bad_request};
use crate::http::messages::{expiry, parse_members};
use crate::http::secrecy::{Secrecy, by_prekey, is_excluded, named, others};
use crate::http::{Refusal, Services};

/// Tells for whom a notice, a diffusion or a new text would be, if it may be sent. Nothing is recorded: whoever attaches
/// files records their parts for the same members first.
#[utoipa::path(
    post, path = "/v1/notices/audience", request_body = NoticeDraft,
    responses(
        (status = 200, body = NoticeAudience), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 423, body = Problem),
    )
)]
pub(in crate::http) async fn audience(
    Live(services): Live,
    ApiJson(request): ApiJson<NoticeDraft>,
) -> Result<Json<NoticeAudience>, Refusal> {
    let audience = services
        .read(move |services| {
            let Prepared { document, to, secrecy, .. } = prepare(services, &request)?;
            Ok::<_, Refusal>(NoticeAudience {
                to: secrecy.readers(&to).iter().map(ToString::to_string).collect(),
                sealed: secrecy != Secrecy::Open,
                group: matches!(secrecy, Secrecy::Group(_)),
                expires_at_ms: expiry(services, &document).map(|time| time.0),
            })
        })
        .await?;
    Ok(Json(audience))
}

/// For whom a text is, and who can read it.
pub(super) struct Addressed {
    /// Without the author; empty: all members.
    pub(super) to: Vec<MemberId>,
    pub(super) secrecy: Secrecy,
}

/// Who gets a first text. The draft says it, the form excludes, and those who review get a copy.
pub(super) fn addressed(
    services: &Services,
    document: &Document,
    request: &NoticeDraft,
    warnings: &mut Vec<Detail>,
) -> Result<Addressed, Refusal> {
    let is_notice = request.kind == CaseKind::Notice;
    let names_some = !request.to.is_empty() || !request.regions.is_empty();
    if is_notice && (request.members || names_some) {
        return Err(bad_request("a notice is for all members but those that its form excludes; name nobody"));
    }
    if request.members && names_some {
        return Err(bad_request("both addressees and all members are named; name one of the two"));
    }
    if is_notice || request.members {
        let secrecy = Secrecy::by_form(services, document, warnings)?;
        return Ok(Addressed { to: Vec::new(), secrecy });
    }
    let mut to: BTreeSet<MemberId> = BTreeSet::new();
    if !request.to.is_empty() {
        to.extend(parse_members(&request.to.join(","))?);
    }
    let mut lie_there: BTreeSet<MemberId> = BTreeSet::new();
    for name in &request.regions {
        lie_there.extend(in_region(services, document, name)?);
    }
    if to.is_empty() && lie_there.is_empty() {
        return Err(Refusal(Problem::new(ProblemCode::NoAddressees, "the diffusion has no addressees").advice(
            "name members with --to (`to`) or a region with --region (`regions`), or send it to all members with \
             --members (`members`)",
        )));
    }
    let reviewing = reviewers(services, document, &(&to | &lie_there), warnings);
    if !request.regions.is_empty() {
        lie_there.retain(|member| !to.contains(member));
        add_reachable(services, &mut to, lie_there, warnings)?;
    }
    add_reviewers(services, &mut to, reviewing, warnings);
    few_enough(to).map(|to| Addressed { to, secrecy: Secrecy::Addressees })
}

/// Adds whom nobody has named: those who lie in a region. One to whom nothing can be sealed now, since its node has been away
/// for months, does not keep all others from it; the author is told.
///
/// # Errors
/// If it would be for nobody but reviewers.
fn add_reachable(
    services: &Services,
    to: &mut BTreeSet<MemberId>,
    lie_there: BTreeSet<MemberId>,
    warnings: &mut Vec<Detail>,
) -> Result<(), Refusal> {
    let (reached, away) = by_prekey(services, lie_there);
    to.extend(reached);
    if to.is_empty() {
        return Err(Refusal(
            Problem::new(
                ProblemCode::NoPrekey,
                format!("nothing can be sealed to any member there now: {}", named(&away)),
            )
            .advice(
                "their nodes were away for long, or have never run; send it when `ecomesh prekeys` shows that they are \
                 back, or to others",
            ),
        ));
    }
    if !away.is_empty() {
        let away = named(&away);
        warnings.push(Detail {
            path: "regions".into(),
            message: format!("nothing can be sealed to {away} now: it is not for them"),
            advice: format!(
                "when `ecomesh prekeys` shows that they are back, send it to them with `ecomesh notice diffuse FILE --to {}`",
                away.replace(", ", ",")
            ),
        });
    }
    Ok(())
}

/// Adds those who review, whom nobody has named either: likewise none of them keeps it from the addressees.
fn add_reviewers(
    services: &Services,
    to: &mut BTreeSet<MemberId>,
    reviewing: Vec<MemberId>,
    warnings: &mut Vec<Detail>,
) {
    let (reading, away) = by_prekey(services, reviewing);
    to.extend(reading);
    if !away.is_empty() {
        warnings.push(Detail {
            path: String::new(),
            message: format!(
                "nothing can be sealed to {} now, and it reviews diffusions: it cannot review this one",
                named(&away)
            ),
            advice: String::new(),
        });
    }
}

/// A new text goes to whom the first one went.
pub(super) fn check_not_named_anew(request: &NoticeDraft) -> Result<(), Refusal> {
    if request.members || !request.to.is_empty() || !request.regions.is_empty() {
        return Err(bad_request("a new text goes to whom the notice or diffusion went; name nobody"));
    }
    Ok(())
}

/// The members that lie in a region and may have it.
fn in_region(services: &Services, document: &Document, name: &str) -> Result<Vec<MemberId>, Refusal> {
    let region = region::find(name).map_err(|unknown| {
        Refusal(Problem::new(ProblemCode::UnknownRegion, unknown.to_string()).advice(format!(
            "did you mean {}? Regions are those of UN M49; docs/DOMAIN.md lists them",
            unknown.nearest.join(", ")
        )))
    })?;
    let addressees = |region: &Code<Region>| -> Vec<MemberId> {
        let countries = region::countries(region);
        let lies_there = |member: &MemberId| countries.contains(member.as_str());
        others(services).filter(lies_there).filter(|member| !is_excluded(document, *member)).collect()
    };
    let to = addressees(&region);
    if !to.is_empty() {
        return Ok(to);
    }
    let peopled: Vec<String> = region::all()
        .filter(|region| !addressees(region).is_empty())
        .map(|region| region.to_string())
        .collect();
    Err(empty(services, &region, &peopled))
}

/// Why a region has no addressees, and which have some.
fn empty(services: &Services, region: &Code<Region>, peopled: &[String]) -> Refusal {
    let countries = region::countries(region);
    let message = if others(services).any(|member| countries.contains(member.as_str())) {
        format!("all other members in {region} are excluded by the form")
    } else if countries.contains(services.own.as_str()) {
        format!("no member of this network lies in {region} but this bureau")
    } else {
        format!("no member of this network lies in {region}")
    };
    let advice = if peopled.is_empty() {
        "no region has members to whom it could go; name them with --to (`to`)".to_owned()
    } else {
        format!("members to whom it could go lie in: {}", peopled.join(", "))
    };
    Refusal(Problem::new(ProblemCode::UnknownRegion, message).advice(advice))
}

/// What nobody reviews is never shown as reviewed: those who review read it too, unless the form excludes them.
fn reviewers(
    services: &Services,
    document: &Document,
    to: &BTreeSet<MemberId>,
    warnings: &mut Vec<Detail>,
) -> Vec<MemberId> {
    let reviewers =
        services.board.review().reviewers().filter_map(|code| MemberId::parse(code.as_str()).ok());
    let (excluded, reading): (Vec<MemberId>, Vec<MemberId>) = reviewers
        .filter(|reviewer| *reviewer != services.own && !to.contains(reviewer))
        .partition(|reviewer| is_excluded(document, *reviewer));
    warnings.extend(excluded.iter().map(|reviewer| Detail {
        path: "handling.excluded".into(),
        message: format!(
            "{reviewer} reviews diffusions and is excluded by the form: it cannot review this one"
        ),
        advice: String::new(),
    }));
    reading
}

/// The addressees of a diffusion, if it can be sealed to so many.
fn few_enough(to: BTreeSet<MemberId>) -> Result<Vec<MemberId>, Refusal> {
    if to.len() <= ADDRESSEES_MAX {
        return Ok(to.into_iter().collect());
    }
    let message = format!(
        "it is for {} members, its reviewers included, and can be sealed to {ADDRESSEES_MAX}",
        to.len()
    );
    Err(Refusal(Problem::new(ProblemCode::TooManyAddressees, message).advice(
        "send it to all members, who can then all read it, with --members (`members`); or send several diffusions, to \
         smaller regions or to named members",
    )))
}
