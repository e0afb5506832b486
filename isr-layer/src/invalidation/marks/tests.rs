//! Marks reach what they name, pruning errs on the safe side, and all of it is bounded.

use super::*;
use crate::invalidation::EntryTags;
use crate::invalidation::sweep::MIN_SWEEP;

fn purge(marks: &Marks, target: Target, strength: Strength) -> Sequence {
    marks.purge(&[(target, strength)])
}

#[test]
fn every_selector_reaches_what_it_names_and_nothing_else() {
    let marks = Marks::new(100);
    let page = TagMark::page();
    let mut tags = vec![page.clone()];
    tags.extend(marks.intern(["posts".to_owned()]));
    let reaching = [
        Target::All,
        Target::Page(page),
        Target::Path("/a/b".into()),
        Target::Tag("posts".into()),
        Target::Prefix("/".into()),
        Target::Prefix("/a".into()),
        Target::Prefix("/a/".into()),
        Target::Prefix("/a/b".into()),
    ];
    let missing = [
        Target::Path("/a".into()),
        Target::Tag("post".into()),
        Target::Prefix("/a/b/".into()),
        Target::Prefix("/a/bc".into()),
        Target::Page(TagMark::page()),
    ];

    for target in reaching {
        let before = marks.published();
        purge(&marks, target.clone(), Strength::Soft);
        assert_eq!(
            marks.validity(Subject::at("/a/b", &tags), before),
            Validity::Soft,
            "{target:?}"
        );
        assert_eq!(
            marks.validity(Subject::at("/a/b", &tags), marks.published()),
            Validity::Valid,
            "{target:?}"
        );
    }
    let before = marks.published();
    for target in missing {
        purge(&marks, target.clone(), Strength::Hard);
        assert_eq!(
            marks.validity(Subject::at("/a/b", &tags), before),
            Validity::Valid,
            "{target:?}"
        );
    }
}

#[test]
fn an_expire_followed_by_a_stale_is_still_an_expire() {
    let marks = Marks::new(100);

    let first = purge(&marks, Target::Path("/".into()), Strength::Hard);
    purge(&marks, Target::Path("/".into()), Strength::Soft);

    assert_eq!(
        marks.validity(Subject::at("/", &[]), Sequence::NO_MARK),
        Validity::Hard
    );
    assert_eq!(marks.validity(Subject::at("/", &[]), first), Validity::Soft);
}

#[test]
fn a_tag_learnt_after_its_purge_still_counts() {
    let marks = Marks::new(100);
    let as_of = marks.published();

    purge(&marks, Target::Tag("late".into()), Strength::Soft);
    let tags = marks.intern(["late".to_owned()]);

    assert_eq!(
        marks.validity(Subject::at("/", &tags), as_of),
        Validity::Soft
    );
}

#[test]
fn a_million_distinct_tags_stay_inside_the_bound() {
    let marks = Marks::new(1_000);
    let mut most = 0;

    for tag in 0..1_000_000 {
        purge(&marks, Target::Tag(tag.to_string()), Strength::Soft);
        if marks.is_overfull() {
            marks.prune();
        }
        most = most.max(marks.len());
    }

    assert!(most <= 2 * 1_000 + 1, "{most}");
}

#[test]
fn tags_that_came_with_keys_that_are_gone_are_let_go_of_and_purged_ones_stay() {
    let marks = Marks::new(100_000);
    let tags = marks.intern((0..1_000).map(|tag| format!("tags:{tag}")));
    for tag in 0..1_000 {
        purge(&marks, Target::Tag(format!("purged:{tag}")), Strength::Soft);
    }
    let mut most = 0;

    for tag in 0..100_000 {
        marks.intern([format!("stranger:{tag}")]);
        most = most.max(marks.len());
        if marks.wants_pruning() {
            marks.prune();
        }
    }

    assert!(most <= MIN_SWEEP + 1, "{most}");
    let purged = marks.intern((0..1_000).map(|tag| format!("purged:{tag}")));
    assert_eq!(
        marks.validity(Subject::at("/", &purged), Sequence::NO_MARK),
        Validity::Soft
    );
    assert_eq!(
        marks.validity(Subject::at("/", &tags), Sequence::NO_MARK),
        Validity::Valid,
        "nothing was forgotten that says anything"
    );
}

#[test]
fn pruning_invalidates_too_much_and_never_too_little() {
    let marks = Marks::new(10);
    purge(&marks, Target::Tag("mine".into()), Strength::Hard);
    let rendered_before = Sequence::NO_MARK;
    let rendered_after = marks.published();
    for other in 0..9 {
        purge(&marks, Target::Tag(other.to_string()), Strength::Soft);
    }

    marks.prune();
    let mine = marks.intern(["mine".to_owned()]);

    assert!(marks.len() <= 6);
    assert_eq!(
        marks.validity(Subject::at("/", &mine), rendered_before),
        Validity::Hard
    );
    assert_ne!(
        marks.validity(Subject::at("/", &mine), rendered_after),
        Validity::Valid,
        "too much"
    );
    assert_eq!(
        marks.validity(Subject::at("/", &mine), marks.published()),
        Validity::Valid
    );
}

#[test]
fn what_an_entry_carries_is_counted_and_never_pruned() {
    let marks = Marks::new(2);
    let tags = EntryTags::new(marks.intern(["kept".to_owned()]));
    for other in 0..50 {
        purge(&marks, Target::Tag(other.to_string()), Strength::Soft);
    }

    let tag = marks.tag("kept").expect("an entry carries the tag");

    assert_eq!(tag.entry_count(), 1);
    drop(tags);
    assert_eq!(tag.entry_count(), 0);
}

#[test]
fn a_sweep_takes_many_short_steps_and_forgets_nothing_that_was_purged_during_it() {
    let marks = Marks::new(100);
    for tag in 0..10_000 {
        purge(&marks, Target::Tag(format!("old:{tag}")), Strength::Soft);
    }
    let before = marks.published();
    let (mut looks, mut forgets) = (0, 0);

    let mut sweep = marks.sweep();
    while sweep.look() {
        looks += 1;
    }
    // Old and new, and purged after the sweep has counted them.
    purge(&marks, Target::Tag("old:1".into()), Strength::Hard);
    purge(&marks, Target::Path("/new".into()), Strength::Hard);
    assert!(sweep.has_surplus());
    while sweep.forget() {
        forgets += 1;
    }
    sweep.end();

    assert!(looks >= 100 && forgets >= 100, "{looks}, {forgets}");
    assert!(marks.len() <= 100, "{}", marks.len());
    let tags = marks.intern(["old:1".to_owned(), "other".to_owned()]);
    for (path, tags, validity) in [
        ("/", &tags[..1], Validity::Hard),
        ("/new", &tags[1..], Validity::Hard),
        ("/", &tags[1..], Validity::Valid),
    ] {
        let subject = Subject::at(path, tags);
        assert_eq!(marks.validity(subject, before), validity, "{path}");
    }
}

#[tokio::test]
async fn a_mark_that_a_purge_holds_is_not_forgotten_before_it_is_raised() {
    let marks = Marks::new(1);
    let held = [
        marks.hold(&Target::Path("/a".into())),
        marks.hold(&Target::Tag("a".into())),
    ];
    for other in 0..100 {
        purge(&marks, Target::Tag(other.to_string()), Strength::Soft);
    }
    let before = marks.published();

    marks.prune();
    let purging = marks.begin_purge().await;
    for mark in &held {
        purging.raise(mark, Strength::Hard);
    }
    drop(purging);

    let tags = marks.intern(["a".to_owned()]);
    for subject in [Subject::at("/a", &[]), Subject::at("/", &tags)] {
        assert_eq!(marks.validity(subject, before), Validity::Hard);
    }
}

#[tokio::test]
async fn a_purge_that_is_left_half_way_is_published_as_far_as_it_came() {
    let marks = Marks::new(10);
    let [first, second] = ["/a", "/b"].map(|path| Target::Path(path.into()));
    let before = marks.published();

    let purging = marks.begin_purge().await;
    purging.raise(&marks.hold(&first), Strength::Soft);
    assert_eq!(marks.published(), before, "not before all marks are raised");
    drop(purging);

    let number = marks.published();
    assert!(number > before);
    let reached = Subject::at("/a", &[]);
    assert_eq!(marks.validity(reached, before), Validity::Soft);
    assert_eq!(
        marks.validity(reached, number),
        Validity::Valid,
        "a later render"
    );
    let next = purge(&marks, second, Strength::Soft);
    assert!(next > number, "no number is given twice");
}
