//! The public status page: a page, a style sheet, JSON, a badge and a feed.

mod badge;
mod bars;
mod feed;
mod files;
mod json;
mod page;
mod records;
mod routes;
mod state;
mod summary;
#[cfg(test)]
mod tests;
mod times;

pub use files::status_files;
pub use json::schema as status_schema;

pub(crate) use routes::routes;
