//! The pages: front page, login page and home page.

use std::sync::Arc;

use axum::extract::State;
use axum::middleware::from_fn;
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Extension, Router};

use crate::answers::html::{escape, page};
use crate::layers::caller::{Caller, LoggedIn, csrf_check};
use crate::names::Names;
use crate::platform::Platform;
use crate::routes::auth;

pub(crate) fn routes(names: &Names) -> Router<Arc<Platform>> {
    Router::new()
        .route("/", get(front))
        .route("/home", get(home))
        .route(names.form, get(login).merge(post(auth::log_in_by_form).route_layer(from_fn(csrf_check))))
}

async fn front(State(platform): State<Arc<Platform>>) -> Html<String> {
    // Public pages do not show the synthetic school.
    let schools = platform.seed.schools.iter().filter(|school| !school.synthetic).map(|school| {
        let (name, city, teachers) = (escape(&school.name), escape(&school.city), school.teachers.len());
        format!("            <li>{name}, {city} ({teachers} kørelærere)</li>\n")
    });
    let schools: String = schools.collect();
    let body = format!(
        "        <h1>Just Driving</h1>\n        <p>Ét system til hele køreskolen.</p>\n        <ul class=\"schools\">\n\
         {schools}        </ul>\n        <a href=\"{form}\">Log ind</a>\n",
        form = platform.names.form,
    );
    Html(page("Just Driving", &body))
}

/// The page after a log-in with the form.
async fn home(LoggedIn(user): LoggedIn) -> Html<String> {
    Html(page("Just Driving", &format!("        <h1>{}</h1>\n", escape(&user.name))))
}

async fn login(State(platform): State<Arc<Platform>>, Extension(caller): Extension<Caller>) -> Html<String> {
    let names = platform.names;
    let body = format!(
        r#"        <form method="POST" action="{form}">
            <input type="hidden" name="{field}" value="{token}">
            <label for="email">E-mail</label>
            <input id="email" type="email" name="{email}" value="" required autocomplete="email" autofocus>
            <label for="password">Adgangskode</label>
            <input id="password" type="password" name="{password}" required autocomplete="current-password">
            <button type="submit">Log ind</button>
        </form>
"#,
        form = names.form,
        field = names.form_token,
        token = caller.session(&platform).map(|session| session.token).unwrap_or_default(),
        email = names.email,
        password = names.password,
    );
    Html(page("Log ind - Just Driving", &body))
}
