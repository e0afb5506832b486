//! prerender
