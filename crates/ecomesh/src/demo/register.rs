//! What the demonstration shows of notices and databases: a review by two countries, a request that they refuse, one that
//! lacks its minimum data, and a hit.

use ecomesh_api::{CaseKind, EntryDraft, FindRequest, NoticeDraft, NoticeStanding, Sent, StepRequest};
use serde_json::Value;

use super::cluster::{Cluster, Node};
use super::{LINKS_MAX, Narrator, wait};

/// A wanted person who does not exist.
const RED: &str = include_str!("../../../../node-config/demo/notices/red.toml");
/// A stolen passport: the specimen of ICAO Doc 9303.
const PASSPORT: &str = include_str!("../../../../node-config/demo/entries/sltd.toml");
/// Its number, as an officer types it.
const NUMBER: &str = "l898902c3";

/// The country that asks: the first one. Entities may not ask for Red Notices, and issue no passports.
fn source(cluster: &Cluster) -> Option<&Node> {
    cluster.nodes.iter().find(|node| is_country(&node.member))
}

pub(super) fn is_country(member: &str) -> bool {
    member.len() == 2
}

/// Who reviews in a network of these members: two at the most, and not who asks.
pub(super) fn reviewers<'m>(members: impl Iterator<Item = &'m str> + Clone) -> Vec<&'m str> {
    let source = members.clone().find(|member| is_country(member));
    members.filter(|member| Some(*member) != source).take(2).collect()
}

/// Runs the three stories.
pub(super) async fn show(cluster: &Cluster, narrator: &Narrator<'_>) -> anyhow::Result<()> {
    let Some(source) = source(cluster) else {
        narrator.say("there is no country in this network: nobody asks for a notice, or enters a passport");
        return Ok(());
    };
    reviewed(cluster, source, narrator).await?;
    poor(source, narrator).await?;
    hit(cluster, source, narrator).await
}

/// A form as the first country sends it.
fn form(text: &str, table: &str, reference: &str, source: &Node) -> anyhow::Result<Value> {
    let document = ecomesh_document::Document::from_toml(text);
    let (document, _) = document.map_err(|report| anyhow::anyhow!("{report}"))?;
    let mut form = document.to_json();
    form[table]["reference"] = reference.into();
    form[table]["from"] = source.member.clone().into();
    if let Some(fields) = form[table].as_object_mut() {
        // All countries of the demonstration see it.
        fields.remove("handling");
    }
    Ok(form)
}

async fn request(source: &Node, reference: &str) -> anyhow::Result<Sent> {
    let draft = NoticeDraft {
        document: form(RED, "request", reference, source)?,
        kind: CaseKind::Notice,
        to: Vec::new(),
        members: false,
        regions: Vec::new(),
        files: Vec::new(),
        replaces: None,
        priority: None,
        exercise: true,
    };
    Ok(source.api.notice(&draft, None).await?)
}

/// One request is approved by all reviewers and published; another is refused by them.
async fn reviewed(cluster: &Cluster, source: &Node, narrator: &Narrator<'_>) -> anyhow::Result<()> {
    let good = request(source, "DEMO/RN/1").await?;
    let bad = request(source, "DEMO/RN/2").await?;
    stands(cluster, &good.id, NoticeStanding::Requested).await?;
    stands(cluster, &bad.id, NoticeStanding::Requested).await?;
    let refuse =
        StepRequest { step: "refuse".into(), reason: Some("article-3".into()), ..StepRequest::default() };
    let approve = StepRequest { step: "approve".into(), ..StepRequest::default() };
    let names = reviewers(cluster.nodes.iter().map(|node| node.member.as_str()));
    for reviewer in cluster.nodes.iter().filter(|node| names.contains(&node.member.as_str())) {
        reviewer.api.notice_step(&good.id, &approve).await?;
        reviewer.api.notice_step(&bad.id, &refuse).await?;
    }
    stands(cluster, &good.id, NoticeStanding::Published).await?;
    stands(cluster, &bad.id, NoticeStanding::Refused).await?;
    narrator.say(&format!(
        "{} asks for two Red Notices: no node shows them as notices, until {} approve one and refuse the other",
        source.member,
        names.join(" and ")
    ));
    Ok(())
}

async fn stands(cluster: &Cluster, id: &str, standing: NoticeStanding) -> anyhow::Result<()> {
    wait(LINKS_MAX, "a notice on every node", || async {
        for node in &cluster.nodes {
            match node.api.notice_detail(id).await {
                Ok(detail) if detail.notice.standing == standing => {
                    // What is not reviewed is never shown as published.
                    anyhow::ensure!(detail.notice.in_force == (standing == NoticeStanding::Published));
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    })
    .await
}

/// A Red Notice without its warrant cannot even be asked for.
async fn poor(source: &Node, narrator: &Narrator<'_>) -> anyhow::Result<()> {
    let mut document = form(RED, "request", "DEMO/RN/3", source)?;
    if let Some(judicial) = document["judicial"].as_object_mut() {
        judicial.remove("warrants");
    }
    let draft = NoticeDraft {
        document,
        kind: CaseKind::Notice,
        to: Vec::new(),
        members: false,
        regions: Vec::new(),
        files: Vec::new(),
        replaces: None,
        priority: None,
        exercise: true,
    };
    let refused = source.api.notice(&draft, None).await;
    let Err(ecomesh_api::ClientError::Refused(problem)) = refused else {
        anyhow::bail!("a Red Notice without a warrant was taken");
    };
    let missing: Vec<&str> = problem.details.iter().map(|detail| detail.path.as_str()).collect();
    narrator
        .say(&format!("a Red Notice without its minimum data cannot be asked for: {}", missing.join(", ")));
    Ok(())
}

/// A passport that one country entered is met by another.
async fn hit(cluster: &Cluster, source: &Node, narrator: &Narrator<'_>) -> anyhow::Result<()> {
    let mut document = form(PASSPORT, "source", "DEMO/SLTD/1", source)?;
    document["document"]["country"] = source.member.clone().into();
    let draft = EntryDraft { document, replaces: None, exercise: true };
    source.api.add_entry(&draft, None).await?;
    let others = cluster.nodes.iter().filter(|node| node.member != source.member);
    let Some(border) = others.last() else { return Ok(()) };
    let query = FindRequest {
        number: Some(NUMBER.into()),
        purpose: "border-control".into(),
        officer: "demonstration".into(),
        ..FindRequest::default()
    };
    wait(LINKS_MAX, "the passport", || async {
        let answer = border.api.find(&query).await?;
        Ok(answer.found.iter().any(|found| found.hit.is_some()))
    })
    .await?;
    wait(LINKS_MAX, "the hit", || async {
        let told = source.api.hits().await?.hits;
        Ok(told.iter().any(|hit| hit.searcher == border.member && hit.query == NUMBER))
    })
    .await?;
    narrator.say(&format!(
        "{} enters a stolen passport, {} meets it at a border, and {} is told by whom and why",
        source.member, border.member, source.member
    ));
    Ok(())
}
