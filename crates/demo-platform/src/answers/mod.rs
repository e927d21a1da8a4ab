//! Building of answers: Laravel's errors and redirects, HTML, and JSON in the current flavour.

pub(crate) mod dialect;
pub(crate) mod html;
pub(crate) mod laravel;
