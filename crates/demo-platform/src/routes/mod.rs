//! Handlers of the platform, in a module per area of the contract, and the router that puts middleware around them.

mod auth;
mod bookings;
mod finance;
mod health;
mod notifications;
mod ops;
mod pages;
mod payments;
mod schools;
mod status;
mod webhook;
mod work;

use std::sync::Arc;

use axum::{Router, middleware};

use crate::answers::laravel;
use crate::platform::Platform;
use crate::{layers, partners};

/// All routes of the platform. The group of an endpoint determines its faults, and if it has sessions.
pub(crate) fn router(platform: &Arc<Platform>) -> Router {
    let state = || Arc::clone(platform);
    let names = platform.names;
    let pages = pages::routes(names)
        .route_layer(middleware::from_fn_with_state(state(), layers::caller::recognize_on_pages))
        .route_layer(middleware::from_fn_with_state(state(), layers::faults::on_pages));
    let api = auth::routes(names)
        .merge(schools::routes(names))
        .merge(bookings::routes(names))
        .merge(finance::routes(names))
        .merge(notifications::routes(names))
        .merge(payments::routes(names))
        .merge(work::horizon_routes(names))
        .route_layer(middleware::from_fn_with_state(state(), layers::pages::paginate))
        .route_layer(middleware::from_fn_with_state(state(), layers::caller::recognize_on_api));
    let json = Router::new()
        .merge(health::routes(names))
        .merge(status::routes())
        .merge(ops::routes(names))
        .merge(work::routes(names))
        .merge(webhook::routes(names))
        .merge(api)
        .route_layer(middleware::from_fn_with_state(state(), layers::faults::on_json));
    let application = pages
        .merge(json)
        .merge(partners::messages::routes())
        .merge(partners::stripe::routes())
        .merge(partners::availability::routes())
        .fallback(laravel::not_found)
        .layer(middleware::from_fn_with_state(state(), layers::faults::on_everything))
        .layer(middleware::from_fn_with_state(state(), layers::record::record))
        .with_state(state());
    // A separate router, because axum adds `Allow` to a 405 outside of the layers of the matching router.
    Router::new()
        .fallback_service(application)
        .layer(middleware::from_fn_with_state(state(), layers::finish::finish_answers))
}
