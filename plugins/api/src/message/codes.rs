//! The codes, each with the names of its arguments, as functions that make a message of them.

use super::{Arg, Message};

macro_rules! messages {
    ($($code:ident($($arg:ident),*);)+) => {
        /// Every code with the names of its arguments.
        pub const CODES: &[(&str, &[&str])] = &[$((stringify!($code), &[$(stringify!($arg)),*])),+];

        impl Message {
            $(
                #[doc = concat!("The message `", stringify!($code), "` of the catalogues.")]
                pub fn $code($($arg: impl Into<Arg>),*) -> Self {
                    Self {
                        code: stringify!($code).to_owned(),
                        args: [$((stringify!($arg).to_owned(), $arg.into())),*].into(),
                    }
                }
            )+
        }
    };
}

messages! {
    // Parts of sentences.
    plain(text);
    class(name);
    class_share(name, part, all);
    classes_more(n);

    // What a node is doing: every node.
    waiting();
    ended();
    error(error);
    disk_full(error);
    configuration_error(told);

    // watch, decode, hash, augment, dataset, cache, mirror.
    watch_asks();
    idle();
    waiting_kept(n);
    reading(n);
    augment_ready(names);
    dataset_holds(files, images);
    cache_holds(images, megabytes, crossed);
    cache_again(state, n);
    cache_trouble(state, why);
    mirror_away(machine, seconds);
    mirror_receives(machine, path);
    mirror_sends(machine, n);
    mirror_in_step(machine);
    gather_holds(candidates, accepted, refused);
    gather_chooses(state);

    // train.
    waiting_images();
    up_to_date(version);
    waiting_classes(have);
    waiting_training_images(want, have);
    waiting_request();
    paused();
    waiting_quiet(seconds);
    waiting_schedule();
    waiting_changes(have, want);
    waiting_verdict(run);
    waiting_network();
    state_because(state, because);
    no_backbone(path, command);
    no_head(version, why);
    run_begins(run);
    run_examines(run);
    examines_images();
    after_head(accuracy);
    run_epoch_train(run, epoch, epochs);
    run_epoch_validation(run, epoch, epochs);
    run_fold(run, fold, folds, epoch, epochs);
    head_embeds(done, total);
    head_fits();

    // Why a run began.
    run_reason(why, start);
    asked_by_hand();
    asked_because(why);
    first_run();
    run_not_finished();
    options_changed();
    images_exchanged();
    changes(list);
    nothing_changed();
    new_in(n, class);
    new_in_others(n, classes);
    relabelled(n);
    removed(n);
    class_new(class, n);
    class_gone(class, n);
    class_grew(n, class);
    class_shrank(n, class);
    classes_more_changed(n);
    head_on(backbone);
    attempt_of(attempt, search, change);
    attempt_from(attempt, search, run, change);
    with_weights(start, path);
    from_champion();
    from_run(run);
    from_scratch(why);
    run_not_usable(run, why);
    classes_differ();
    runs_anew(every);
    no_champion_yet();
    champion_is_head(backbone);
    champion_unreadable(error);
    champion_differs(there, here);
    champion_other_blocks(there);
    run_no_name();
    run_missing();
    run_not_ended();
    run_is_head(backbone);
    run_differs(there, here);
    run_other_blocks(there);
    network_at(network, size_px);
    mirroring_off(class, taken_for, images, of);
    rotation_off(class, taken_for, images, of);
    colour_off(class, taken_for, images, of);
    augmentation_off(name, class, taken_for, images, of);

    // evaluate.
    waiting_run();
    judging(run);
    judging_both(run, champion);

    // Verdicts.
    no_champion();
    champion_unusable(champion, why);
    unjudged();
    uncomparable(champion);
    uncompared_better(champion);
    uncompared_no_better(champion);
    diverged();
    weights_unusable(why);
    manifest_unreadable(why);
    weights_missing();
    champion_missing();
    labels_differ(own, here);
    labels_other();
    balanced_worse(ours, theirs, n);
    balanced_not_worse(ours, theirs, n);
    precision_worse(ours, theirs, n);
    precision_not_worse(ours, theirs, n);
    decides_alone(n);
    sure_better(confidence, points);
    sure_worse(confidence, points);
    unsure(confidence, points, margin);
    recall_fell(class, points, margin, n, lost, gained);
    of_champion(note);
    champion_other_size(own, here);
    champion_other_resize(own, here);
    champion_unaware(classes);
    passes_by_hand();
    cross_validated(n, folds, correct, accuracy, low, high);
    recall_by_class(list);
    unjudged_not_held_out(list);
    unjudged_few(list);
    optimistic(near, n, list);
    compared_on(n, all, list);
    compared_own(n);
    compared_held_out(n);
    compared_unknown(n);
    kept_last_epoch(because);
    few_validation(n, least);
    none_in_validation(class);

    // inspect.
    version_records(version);
    version_findings(version, n);
    version_no_report(version, error);
    version_examined(version);
    version_embeds(version, done, total);
    version_labels(version);
    version_forecast(version);
    version_writes(version);

    // predict.
    predict_unusable(n, why);
    predict_no_champion();
    predict_waits(n);
    predict_classifies(n, run);
    predict_by(run);
    predict_until(run, classes);
    predict_still(run, why);
    predict_review(state, n);

    // search.
    search_waits();
    search_waits_quiet(least, have);
    search_goes(search, n);
    search_ended(search, why);
    search_best(state, error, attempt);

    // What was left alone or refused: what follows the number, and what to do.
    notice_archive(n);
    advice_archive();
    notice_arriving(n);
    notice_audio(n);
    notice_away(n, folder, why);
    advice_away(seconds);
    away_other_device();
    away_unmounted();
    away_emptied();
    notice_bin(n);
    notice_catalog(n);
    notice_companion(n);
    notice_configuration(told);
    advice_configuration();
    notice_crashes(n, folder);
    advice_crashes();
    notice_damaged(n, folder);
    advice_damaged();
    notice_decisions_unreadable(problem);
    advice_decisions_unreadable();
    notice_document(n);
    notice_empty(n, folder);
    notice_extra_folder(name, folder);
    advice_extra_folder();
    notice_film(n);
    notice_head_failed(why);
    advice_head_failed();
    notice_link(n);
    advice_link();
    notice_live_photo(n);
    notice_machine_away(machine);
    advice_machine_away();
    notice_no_features();
    advice_no_features();
    notice_not_an_image(n, folder);
    advice_not_an_image();
    notice_not_listed(n);
    advice_not_listed();
    notice_not_utf8(n);
    advice_not_utf8();
    notice_other(n);
    notice_outside_class(n);
    advice_outside_class();
    notice_raw_beside_image(n);
    notice_refused_otherwise(n, reason, folder);
    advice_refused_otherwise();
    notice_same_pixels(list);
    notice_same_pixels_more(list);
    advice_same_pixels();
    notice_sidecar_left_alone(why);
    advice_sidecar_left_alone();
    notice_similar_classes(names);
    advice_similar_classes();
    notice_split_as_class(name, n);
    advice_split_as_class();
    notice_split_layout();
    notice_too_large(n, folder);
    advice_too_large();
    notice_truncated(n, folder);
    advice_truncated();
    notice_unicode_forms();
    notice_unreadable(n);
    advice_unreadable();
    notice_unsupported(format, folder);
    advice_unsupported();
    notice_unsupported_kind(format, folder);
    advice_unsupported_kind();
    notice_unsupported_raw(format, folder);
    advice_unsupported_raw();
    advice_stays();
    notice_webhook(why, n);
    advice_webhook();

    // Cards of the data set's report: what was found and what to do.
    card_same_pixels(classes);
    card_keep_one(paths);
    and_last(list, last);
    card_odd(class, looks_like, in_class, of, many);
    card_pair(class, looks_like, in_class);
    card_mixed(of, shares);
    card_share(n, class);
    card_odd_advice(class, path);
    card_mixed_advice();
    card_label(class, suggested, own, other);
    card_label_advice(suggested, path);
    card_limits(score, limit);
    card_class_limits(class, n, of, score, limit);
    card_class_advice(class);
    card_exact(n);
    card_near(n);
    card_exact_one(delete, keep);
    card_exact_others(keep, n);
    card_near_one(delete, keep);
    card_near_others(keep, n);
    note_keep(size);
    note_same_file();
    note_bits(bits, size);
    check_advice_blur();
    check_advice_bright();
    check_advice_dark();
    check_advice_information();
    check_advice_odd_aspect();
    check_advice_odd_size();
    search_images_new(n);
    search_no_weights(path);

    // Why the page could not do what was asked.
    system_full();
    system_read_only();
    system_denied();
    system_missing();
    system_exists();
    page_file(path, error);
    page_not_moved(from, to, error);
    page_no_file(path);
    page_other_file(path);
    page_no_free_name(folder, name);
    page_step_size(most);
    page_question_gone();
    page_is_there(path);
    page_class_exists(class);
    page_same_name(class);
    page_no_class(class);
    page_bad_class(class);
    page_place_fixed(path, place);
    page_nothing_to_undo();
    page_archive_large(n, megabytes, most_files, most_megabytes);
    page_no_exchange(path);
    page_export_failed(why);
    page_champion_already(id);
    page_no_model(id);
    page_not_promoted(id, why);
    page_no_champion();
    page_first_champion(id);
    page_champion_gone(champion, previous);
    page_unknown_class(run, class);
}
