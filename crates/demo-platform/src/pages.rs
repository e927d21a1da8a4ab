//! The public pages: the front page and the login page.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{AppendHeaders, Html, IntoResponse};
use axum::routing::get;

use crate::html::{escape, page};
use crate::platform::Platform;

pub(crate) fn routes() -> Router<Arc<Platform>> {
    Router::new().route("/", get(front)).route("/login", get(login))
}

async fn front(State(platform): State<Arc<Platform>>, headers: HeaderMap) -> impl IntoResponse {
    // The synthetic school is left out of everything public.
    let schools = platform.seed.schools.iter().filter(|school| !school.synthetic).map(|school| {
        let (name, city, teachers) = (escape(&school.name), escape(&school.city), school.teachers.len());
        format!("            <li>{name}, {city} ({teachers} kørelærere)</li>\n")
    });
    let schools: String = schools.collect();
    let body = format!(
        "        <h1>Just Driving</h1>\n        <p>Ét system til hele køreskolen.</p>\n        <ul class=\"schools\">\n\
         {schools}        </ul>\n        <a href=\"/login\">Log ind</a>\n"
    );
    let session = platform.sessions.resume_or_start(&headers);
    (AppendHeaders(platform.sessions.cookies(&session, platform.now())), Html(page("Just Driving", &body)))
}

async fn login(State(platform): State<Arc<Platform>>, headers: HeaderMap) -> impl IntoResponse {
    let session = platform.sessions.resume_or_start(&headers);
    let body = format!(
        r#"        <form method="POST" action="/login">
            <input type="hidden" name="_token" value="{token}">
            <label for="email">E-mail</label>
            <input id="email" type="email" name="email" value="" required autocomplete="email" autofocus>
            <label for="password">Adgangskode</label>
            <input id="password" type="password" name="password" required autocomplete="current-password">
            <button type="submit">Log ind</button>
        </form>
"#,
        token = session.token,
    );
    (AppendHeaders(platform.sessions.cookies(&session, platform.now())), Html(page("Log ind - Just Driving", &body)))
}
