//! Presets that map the payloads of known systems to tags. Add your own paths to them.

use super::template::decode_whole;
use super::{Unprocessable, Webhook, WebhookEvent};
use crate::invalidation::Purge;

impl Webhook {
    /// Sanity, with the default projection: `post`, `post:<_id>`, and `post:<slug>` if there is a
    /// slug.
    pub fn sanity() -> Self {
        Self::new()
            .tag("{/_type}")
            .tag("{/_type}:{/_id}")
            .tag_if_present("{/_type}:{/slug/current}")
    }

    /// Contentful, entries and assets: `<id>`, and for an entry `<content type>` and
    /// `<content type>:<id>`.
    pub fn contentful() -> Self {
        Self::new()
            .tag("{/sys/id}")
            .tag_if_present("{/sys/contentType/sys/id}")
            .tag_if_present("{/sys/contentType/sys/id}:{/sys/id}")
    }

    /// Strapi, versions 4 and 5: `<model>`, and `<model>:<id>`, `<model>:<documentId>` and
    /// `<model>:<slug>` if the payload has them.
    pub fn strapi() -> Self {
        Self::new()
            .tag("{/model}")
            .tag_if_present("{/model}:{/entry/id}")
            .tag_if_present("{/model}:{/entry/documentId}")
            .tag_if_present("{/model}:{/entry/slug}")
    }

    /// Ghost: `post` and `post:<slug>`, before and after the change, and `tag:<slug>` of a post's
    /// tags; likewise for pages, tags and authors.
    pub fn ghost() -> Self {
        Self::new().map(ghost)
    }

    /// Storyblok: `story`, `story:<id>` and `story:<full slug>`, or `datasource:<slug>`. The full
    /// slug is named without and with a slash at its end: that of a folder's first story has one.
    /// An event without a full slug has one in its text, which is meant for people: tag a page with
    /// the id of its story, too.
    pub fn storyblok() -> Self {
        Self::new().map(storyblok)
    }

    /// DatoCMS: the cache tags of its CDN as they are; for a record, `item:<id>` and the
    /// `item_type:<id>` of its model.
    pub fn datocms() -> Self {
        Self::new().map(datocms)
    }

    /// Shopify: `<id>`, and `<GraphQL id>` and `<handle>` if the payload has them. A deletion has
    /// the id alone.
    pub fn shopify() -> Self {
        Self::new()
            .tag("{/id}")
            .tag_if_present("{/admin_graphql_api_id}")
            .tag_if_present("{/handle}")
    }

    /// WordPress, as the plugin *WP Webhooks* sends a post: `<post type>`, `<post type>:<id>`, and
    /// `<post type>:<slug>` of the post after and before the change. A slug that WordPress has
    /// percent-encoded is named decoded too, and a post in the trash by the slug that it had.
    pub fn wordpress() -> Self {
        Self::new().map(wordpress)
    }

    /// WordPress, as the plugin *On-Demand Revalidation* sends a change: the paths and tags that
    /// its settings name. A tag that WordPress has percent-encoded is named decoded too, and a post
    /// in the trash by the slug that it had.
    ///
    /// ```
    /// use isr_layer::IsrLayer;
    /// use isr_layer::auth::Bearer;
    /// use isr_layer::webhook::Webhook;
    ///
    /// # fn main() -> Result<(), isr_layer::Error> {
    /// // PUT {"postId": 42, "paths": ["/", "/posts/hello"], "tags": ["post"]}
    /// let secret = Bearer::new("from `openssl rand -base64 32`")?;
    /// let isr = IsrLayer::builder().build()?;
    /// let endpoint = isr
    ///     .revalidate_service(secret)
    ///     .webhook(Webhook::on_demand_revalidation())?;
    /// # drop(endpoint);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_demand_revalidation() -> Self {
        Self::new().map(on_demand_revalidation)
    }

    /// Prismic: `prismic` for every change of the public content, `document:<id>` of each document
    /// that was published or unpublished, and `tag:<name>` of each tag that was added or removed. A
    /// change of a release, which is not public yet, and the test trigger are acknowledged.
    ///
    /// The secret is a member of the payload:
    ///
    /// ```
    /// use isr_layer::IsrLayer;
    /// use isr_layer::auth::StaticSecret;
    /// use isr_layer::webhook::Webhook;
    ///
    /// # fn main() -> Result<(), isr_layer::Error> {
    /// let secret = StaticSecret::pointer("/secret", "from `openssl rand -base64 32`")?;
    /// let isr = IsrLayer::builder().build()?;
    /// let endpoint = isr.revalidate_service(secret).webhook(Webhook::prismic())?;
    /// # drop(endpoint);
    /// # Ok(())
    /// # }
    /// ```
    pub fn prismic() -> Self {
        Self::new().map(prismic)
    }

    /// Directus, whose flow sends `{{$trigger}}` as it is: `<collection>`, `<collection>:<key>` of
    /// each item, and `<collection>:<slug>` if the change has a field `slug`.
    ///
    /// ```
    /// use isr_layer::IsrLayer;
    /// use isr_layer::auth::Bearer;
    /// use isr_layer::webhook::Webhook;
    ///
    /// # fn main() -> Result<(), isr_layer::Error> {
    /// let secret = Bearer::new("from `openssl rand -base64 32`")?;
    /// let isr = IsrLayer::builder().build()?;
    /// let endpoint = isr.revalidate_service(secret).webhook(Webhook::directus())?;
    /// # drop(endpoint);
    /// # Ok(())
    /// # }
    /// ```
    pub fn directus() -> Self {
        Self::new().map(directus)
    }

    /// A push to GitHub: `file:<path>` for every file that was added, changed or removed. A ping
    /// has no files, and is acknowledged.
    pub fn github_push() -> Self {
        Self::new().map(github_push)
    }
}

fn ghost(event: &WebhookEvent<'_>) -> Result<Purge, Unprocessable> {
    let known = ["post", "page", "tag", "author"]
        .into_iter()
        .find(|kind| event.has(&format!("/{kind}")));
    let kind = known.ok_or_else(|| Unprocessable::missing("/post"))?;

    // Both slugs: after a change of slug, pages with the old one are out of date too.
    let mut tags = vec![kind.to_owned()];
    for time in ["current", "previous"] {
        let slug = event.text(&format!("/{kind}/{time}/slug"));
        tags.extend(slug.map(|slug| format!("{kind}:{slug}")));
        let of_tags = event
            .texts_if_present(&format!("/{kind}/{time}/tags/slug"))
            .unwrap_or_default();
        tags.extend(of_tags.into_iter().map(|slug| format!("tag:{slug}")));
    }
    Ok(purge_tags(tags))
}

fn storyblok(event: &WebhookEvent<'_>) -> Result<Purge, Unprocessable> {
    if let Some(datasource) = event.text("/datasource_slug") {
        return Ok(purge_tags(vec![format!("datasource:{datasource}")]));
    }

    let (id, full_slug) = (event.text("/story_id"), event.text("/full_slug"));
    if id.is_none() && full_slug.is_none() {
        return Err(Unprocessable::missing("/story_id"));
    }
    let mut tags = vec!["story".to_owned()];
    tags.extend(id.map(|id| format!("story:{id}")));
    // A story that was deleted or moved may have its slug in the text alone.
    let text = event.text("/text").unwrap_or_default();
    for slug in full_slug.into_iter().chain(slug_in(&text)) {
        let slug = slug.trim_end_matches('/');
        tags.extend([format!("story:{slug}"), format!("story:{slug}/")]);
    }
    Ok(purge_tags(tags))
}

/// Returns the slug at the end of the first line of a Storyblok event's text: `The user … deleted
/// the Story Hello (posts/hello)`.
fn slug_in(text: &str) -> Option<String> {
    let line = text.lines().next()?.strip_suffix(')')?;
    let (_, slug) = line.rsplit_once('(')?;
    (!slug.is_empty()).then(|| slug.to_owned())
}

fn datocms(event: &WebhookEvent<'_>) -> Result<Purge, Unprocessable> {
    if event.required("/entity_type")? == "cda_cache_tags" {
        return Ok(purge_tags(event.texts("/entity/attributes/tags")?));
    }
    let kind = event.required("/entity/type")?;
    let mut tags = vec![format!("{kind}:{}", event.required("/entity/id")?)];
    let model = event.text("/entity/relationships/item_type/data/id");
    tags.extend(model.map(|model| format!("item_type:{model}")));
    Ok(purge_tags(tags))
}

fn prismic(event: &WebhookEvent<'_>) -> Result<Purge, Unprocessable> {
    // Prismic disables a webhook whose test trigger, or five deliveries, failed. Without a new
    // master ref only releases changed, which visitors do not see.
    if event.required("/type")? != "api-update" || !event.has("/masterRef") {
        return Ok(Purge::batch([]));
    }

    let mut tags = vec!["prismic".to_owned()];
    let documents = event.texts_if_present("/documents")?.into_iter();
    tags.extend(documents.map(|id| format!("document:{id}")));
    for change in ["addition", "deletion"] {
        let names = event
            .texts_if_present(&format!("/tags/{change}/id"))?
            .into_iter();
        tags.extend(names.map(|name| format!("tag:{name}")));
    }
    Ok(purge_tags(tags))
}

fn directus(event: &WebhookEvent<'_>) -> Result<Purge, Unprocessable> {
    let collection = event.required("/collection")?;
    let mut tags = vec![collection.clone()];
    // An item that was created has a key, others have keys.
    for keys in ["/key", "/keys"] {
        let keys = event.texts_if_present(keys)?.into_iter();
        tags.extend(keys.map(|key| format!("{collection}:{key}")));
    }
    let slug = event.text("/payload/slug");
    tags.extend(slug.map(|slug| format!("{collection}:{slug}")));
    Ok(purge_tags(tags))
}

fn wordpress(event: &WebhookEvent<'_>) -> Result<Purge, Unprocessable> {
    let kind = event.required("/post/post_type")?;
    let mut tags = vec![
        kind.clone(),
        format!("{kind}:{}", event.required("/post/ID")?),
    ];
    for time in ["post", "post_before"] {
        let kind = event.text(&format!("/{time}/post_type"));
        let slug = event.text(&format!("/{time}/post_name"));
        let (Some(kind), Some(slug)) = (kind, slug) else {
            continue;
        };

        // An automatic draft has no slug.
        let slug = before_trash(&slug);
        if !slug.is_empty() {
            tags.extend(spellings(&format!("{kind}:{slug}")));
        }
    }
    Ok(purge_tags(tags))
}

/// Returns the slug that a post had before WordPress moved it to the trash, and so freed the slug:
/// `hello` for `hello__trashed` and `hello__trashed-2`.
fn before_trash(slug: &str) -> &str {
    match slug.rsplit_once("__trashed") {
        Some((before, "")) => before,
        Some((before, end)) if is_count(end) => before,
        _ => slug,
    }
}

fn is_count(end: &str) -> bool {
    let digits = end.strip_prefix('-').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// Returns a path or a tag with each slug in it as it was [before the trash](before_trash).
fn slugs_before_trash(text: &str) -> String {
    let parts = text.split_inclusive(['/', ':']).map(|part| {
        let slug = part.trim_end_matches(['/', ':']);
        [before_trash(slug), &part[slug.len()..]]
    });
    parts.flatten().collect()
}

/// Returns a tag as WordPress wrote it and, if it is percent-encoded, decoded too: a handler may
/// use either as its tag.
fn spellings(tag: &str) -> impl Iterator<Item = String> + use<> {
    let decoded = decode_whole(tag).filter(|decoded| decoded != tag);
    [tag.to_owned()].into_iter().chain(decoded)
}

fn on_demand_revalidation(event: &WebhookEvent<'_>) -> Result<Purge, Unprocessable> {
    if !event.has("/paths") && !event.has("/tags") {
        return Err(Unprocessable::missing("/paths"));
    }

    // It sends one empty tag if its settings have none.
    let named = |pointer| {
        let texts = event.texts_if_present(pointer)?.into_iter();
        let texts = texts.map(|text| slugs_before_trash(&text));
        Ok(texts.filter(|text| !text.is_empty()))
    };
    let paths = named("/paths")?.map(Purge::path);
    let tags = named("/tags")?.flat_map(|tag| spellings(&tag));
    Ok(paths.chain(tags.map(Purge::tag)).collect())
}

fn github_push(event: &WebhookEvent<'_>) -> Result<Purge, Unprocessable> {
    // GitHub sends a ping when the webhook is created: a 422 would show it as broken.
    if event.header("x-github-event") == Some("ping") {
        return Ok(Purge::batch([]));
    }
    if !event.has("/commits") {
        return Err(Unprocessable::missing("/commits"));
    }
    let mut tags = Vec::new();
    for change in ["added", "modified", "removed"] {
        let files = event.texts_if_present(&format!("/commits/{change}"))?;
        tags.extend(files.into_iter().map(|file| format!("file:{file}")));
    }
    Ok(purge_tags(tags))
}

fn purge_tags(mut tags: Vec<String>) -> Purge {
    tags.sort_unstable();
    tags.dedup();
    Purge::batch(tags.into_iter().map(Purge::tag))
}
