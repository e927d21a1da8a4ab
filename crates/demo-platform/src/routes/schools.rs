//! Schools. A user sees only their own.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use crate::answers::laravel::{self, Client, Problem};
use crate::faults::Fault;
use crate::layers::caller::LoggedIn;
use crate::names::Names;
use crate::platform::Platform;
use crate::seed::School;

pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    Router::new().route(names.schools, get(index)).route(names.school, get(show))
}

async fn index(State(platform): State<Arc<Platform>>, LoggedIn(user): LoggedIn) -> Response {
    let own = platform.seed.schools.iter().filter(|school| user.school_ids.contains(&school.id));
    let list: Vec<Value> = own.map(|school| school_json(&platform, school)).collect();
    laravel::json(&wrapped(&platform, json!(list)))
}

async fn show(
    State(platform): State<Arc<Platform>>,
    LoggedIn(user): LoggedIn,
    client: Client,
    Path(id): Path<String>,
) -> Response {
    let missing = || Problem::NoRecord { model: "School", id: id.clone() };
    let Some(school) = platform.seed.schools.iter().find(|school| school.id.to_string() == id) else {
        return missing().answer(client);
    };
    let is_own = user.school_ids.contains(&school.id);
    if is_own && platform.has(Fault::OwnSchoolHidden) {
        return missing().answer(client);
    }
    if !is_own && !platform.has(Fault::TenantLeak) {
        let problem = if platform.names.hidden == 403 { Problem::Forbidden } else { missing() };
        return problem.answer(client);
    }
    laravel::json(&wrapped(&platform, school_json(&platform, school)))
}

fn school_json(platform: &Platform, school: &School) -> Value {
    if platform.is_wrapped {
        return json!({ "id": school.id, "name": school.name, "city": school.city });
    }
    json!({ "identifier": school.id.to_string(), "title": school.name, "town": school.city })
}

fn wrapped(platform: &Platform, value: Value) -> Value {
    if platform.is_wrapped { json!({ "data": value }) } else { value }
}
