//! Members as clients name them.

use ecomesh_api::{Problem, ProblemCode};

use super::{Refusal, Services};

/// Whether a filter names a member of the network: of one that is none there is nothing, and that would read as a miss.
pub(super) fn check(services: &Services, name: Option<&str>) -> Result<(), Refusal> {
    let Some(name) = name else { return Ok(()) };
    let members: Vec<String> = services.roster.members().map(|member| member.member.to_string()).collect();
    if members.iter().any(|member| member.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    let name = ecomesh_document::text::neutralise(name);
    Err(Refusal(
        Problem::new(ProblemCode::UnknownMember, format!("\"{name}\" is no member of this network"))
            .advice(format!("name one of its members: {}", members.join(", "))),
    ))
}
