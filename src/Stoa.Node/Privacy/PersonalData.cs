namespace Stoa.Node.Privacy;

/// <summary>Where in the database things about a person are, and what becomes of them when the person is erased.</summary>
/// <remarks>A test holds this against the schema: a table that is in neither list, or does not say what erasure does with it, does not pass.</remarks>
internal static class PersonalData
{
    private const string OfTasks = "task_id IN @ids";

    private static readonly OnErasure s_aboutNobody = new OnErasure.Kept("About nobody.");
    private static readonly OnErasure s_noneWaits = new OnErasure.Kept("None of the person's tasks waits or runs, or it would be in the way.");

    /// <summary>What is exported row by row. Transfers, audit entries and content are read by their own rooms.</summary>
    public static IReadOnlyList<PersonalTable> Tables { get; } =
    [
        new("users", "id", "id = @user", "id handle email role kind created_at") { OnErasure = new OnErasure.ByStep(ErasureSteps.User) },
        new("api_keys", "id", "user_id = @user", "id name prefix maker_id scopes calls_per_minute spend_per_day created_at expires_at last_used_at revoked_at") { OnErasure = new OnErasure.Deleted("user_id = @user OR maker_id = @user") },
        new("request_keys", "id", "user_id = @user", "id name hex:public_key created_at revoked_at") { OnErasure = new OnErasure.Deleted() },
        new("sessions", "id", "user_id = @user", "id device created_at used_at ended_at ended_by not_after") { OnErasure = new OnErasure.Deleted() },
        new("provider_identities", "id", "user_id = @user", "id issuer subject email created_at used_at") { OnErasure = new OnErasure.Deleted() },
        new("account_security", "user_id", "user_id = @user", "user_id must_verify verified_at password_changed_at totp_enabled_at content_exported_at") { OnErasure = new OnErasure.Deleted() },
        new("mailed_codes", "purpose", "user_id = @user", "purpose sent_at expires_at") { OnErasure = new OnErasure.Deleted(Key: "user_id, purpose") },
        new("user_usage", "user_id", "user_id = @user", "user_id open_tasks content_bytes max_open_tasks max_content_bytes plan_open_tasks plan_content_bytes unpaid_since unpaid_weight") { OnErasure = new OnErasure.Deleted() },
        new(
            "tasks",
            "id",
            "owner_id = @user",
            "id agent requirement budget deadline_at tried input_digest input_bytes parameters fuel_limit memory_limit_bytes timeout_ms output_limit_bytes log_limit_bytes hold_id hold_amount volume batch_id schedule_id replay_of priority due_at trace_parent auction created_at")
        {
            OnErasure = new OnErasure.ByStep(ErasureSteps.Tasks),
            // Each may have a megabyte of input with it.
            PageSize = 20,
            Parts =
            [
                new("task_ends", "task_id", OfTasks, "task_id state attempts losses finished_at outcome cancel_requested_at"),
                new("task_content", "task_id || ' ' || kind", OfTasks, "task_id kind hex:bytes"),
                new("task_log_starts", "task_id", OfTasks, "task_id start_bytes"),
                new("task_choices", "task_id || ' ' || number", OfTasks, "task_id number choice"),
                new("task_regions", "task_id", OfTasks, "task_id regions"),
                new("task_seals", "task_id", OfTasks, "task_id key_id"),
                new("receipts", "id", OfTasks, "id task_id text:envelope"),
            ],
        },
        new("budgets", "id", "owner_id = @user", "id span scope amount thresholds mails start_at held captured told is_exhausted created_at") { OnErasure = new OnErasure.Deleted() },
        new("usage_charges", "id", "user_id = @user", "id kind node quantity price platform at") { OnErasure = new OnErasure.Kept("What the ledger's entries of the same ids were for: an id, bytes, amounts and a time.") },
        new("transfer_months", "CAST(start_at AS TEXT)", "user_id = @user", "start_at free_bytes paid_bytes") { OnErasure = new OnErasure.Deleted(Key: "user_id, start_at") },
        new("balance_alerts", "owner_id", "owner_id = @user", "owner_id below mails is_told") { OnErasure = new OnErasure.Deleted() },
        new("task_batches", "id", "owner_id = @user", "id size first_task_id last_task_id succeeded failed cancelled cost cancel_requested_at created_at finished_at") { OnErasure = new OnErasure.Deleted() },
        new("idempotency_keys", "key", "owner_id = @user", "key task_id") { OnErasure = new OnErasure.Deleted(Key: "owner_id, key") },
        new("auctions", "id", "owner_id = @user", "id task_id state announcement on_no_bids closes_at decided_at text:award") { OnErasure = new OnErasure.Deleted() },
        new("task_templates", "id", "owner_id = @user", "id name task parameters created_at") { OnErasure = new OnErasure.Deleted() },
        new("schedules", "id", "owner_id = @user", "id name cron time_zone request missed overlap paused_at next_tick created_at") { OnErasure = new OnErasure.Deleted() },
        new(
            "schedule_runs",
            "schedule_id || ' ' || tick_at",
            "schedule_id IN (SELECT id FROM schedules WHERE owner_id = @user)",
            "schedule_id tick_at outcome task_id code detail at") { OnErasure = new OnErasure.Deleted() },
        new("webhooks", "id", "owner_id = @user", "id url name types created_at disabled_at disabled_reason failing_since") { OnErasure = new OnErasure.Deleted() },
        new(
            "webhook_deliveries",
            "id",
            "webhook_id IN (SELECT id FROM webhooks WHERE owner_id = @user)",
            "id webhook_id type subject body state attempts due_at attempted_at status error duration_ms created_at finished_at") { OnErasure = new OnErasure.Deleted() },
        new("reviews", "id", "reviewer_id = @user", "id agent version task_id stars text written_at changed_at withdrawn_at answer answered_at") { OnErasure = new OnErasure.Overwritten("reviewer = @pseudonym, text = NULL, answer = NULL, answered_at = NULL", "reviewer_id = @user AND reviewer <> @pseudonym") },
        new("agent_versions", "id", "publisher_id = @user", "id publisher name version manifest artifact_digest program_digest program_bytes published_at royalties uses withdrawn_at withdrawal_reason withdrawn_as_whole") { OnErasure = new OnErasure.ByStep(ErasureSteps.Agents) },
        new("publisher_keys", "user_id", "user_id = @user", "user_id handle peer_id created_at") { OnErasure = new OnErasure.ByStep(ErasureSteps.Agents) },
        new("disputes", "id", "owner_id = @user", "id task_id reason price attempts verdict detail decided_at opened_at") { OnErasure = new OnErasure.Deleted() },
        new("subscriptions", "id", "user_id = @user", "id plan_id next_plan_id anchor_at period state is_cancelled coupon_id percent_off periods_off grace_until ended_at end_reason") { OnErasure = new OnErasure.Kept("What transfers of the ledger are for: ids, times and numbers. None is renewed, or it would be in the way.") },
        new("credit_grants", "id", "user_id = @user", "id source cause amount remaining expires_at created_at") { OnErasure = new OnErasure.Kept("Says what of the ledger's credit ends when: ids, times and amounts.") },
        new("credit_holds", "task_id", "user_id = @user", "task_id credit own own_paid") { OnErasure = new OnErasure.Kept("Of tasks that wait or run: none does, or it would be in the way.") },
        new("coupon_redemptions", "id", "user_id = @user", "id coupon_id created_at") { OnErasure = new OnErasure.Kept("Counted, so that no coupon is redeemed more often than it may: ids and times.") },
        new("coupons", "id", "made_by = @user", "id hint credit credit_days percent_off periods plan max_redemptions per_user only_new expires_at redeemed withdrawn_at created_at") { OnErasure = new OnErasure.Kept("The operator's own: made in the operator's name.") },
        new("organisations", "id", "id IN (SELECT organisation_id FROM memberships WHERE member_id = @user)", "id name deleted_at") { OnErasure = new OnErasure.Kept("The organisation's own; that the person belonged to it is deleted with the membership.") },
        new(
            "identity_providers",
            "organisation_id",
            "organisation_id = @user",
            "organisation_id issuer client_id domains trusts_email role_claim roles scopes changed_at") { OnErasure = new OnErasure.Kept("The organisation's own.") },
        new("memberships", "organisation_id", "member_id = @user", "organisation_id role joined_at") { OnErasure = new OnErasure.Deleted(Key: "organisation_id, member_id") },
        new("invitations", "id", "invited_id = @user OR inviter_id = @user OR email = (SELECT email FROM users WHERE id = @user)", "id organisation_id email role created_at expires_at") { OnErasure = new OnErasure.Deleted() },
        new("stripe_parties", "user_id", "user_id = @user", "user_id customer account account_state") { OnErasure = new OnErasure.Deleted() },
        new("payments", "id", "user_id = @user", "id amount state session intent refunded disputed recovered created_at changed_at") { OnErasure = new OnErasure.Overwritten("url = NULL", "user_id = @user AND url IS NOT NULL") },
        new(
            "payment_refunds",
            "id",
            "payment_id IN (SELECT id FROM payments WHERE user_id = @user)",
            "id payment_id amount state stripe_id reason created_at changed_at") { OnErasure = new OnErasure.Kept("Accounting: amounts, states, and the number that Stripe knows a refund by.") },
        new("payouts", "id", "user_id = @user", "id destination amount returned state stripe_id reason created_at changed_at") { OnErasure = new OnErasure.Overwritten("destination = ''", "user_id = @user AND destination <> ''") },
        new("agent_payers", "publisher || ' ' || agent", "payer_id = @user", "publisher agent receipts has_paid") { OnErasure = new OnErasure.Deleted() },
        new(
            "channels",
            "id",
            "payer_id = @user OR payee_id = @user",
            "id payer payee challenge_window_ms opened_at expires_at deposit settled text:proof text:agreement state closing_by closing_at ends_at closed_at") { OnErasure = new OnErasure.ByStep(ErasureSteps.Channels) },
    ];

    /// <summary>Tables whose rows are exported otherwise, follow from rows that are exported, or are about nobody; and which it is.</summary>
    public static IReadOnlyDictionary<string, OtherTable> Others { get; } = new Dictionary<string, OtherTable>
    {
        ["accounts"] = new("Wallet and credit are exported with their transfers.", new OnErasure.Kept("The ledger: wallet and credit are under the id, which leads to nobody.")),
        ["journal"] = new("The transfers of the wallet are exported.", new OnErasure.Kept("The ledger: chained by hash, and holds ids and amounts alone.")),
        ["journal_head"] = new("About nobody.", s_aboutNobody),
        ["journal_places"] = new("Follows from the journal.", new OnErasure.Kept("The ledger: ids alone.")),
        ["journal_runs"] = new("Follows from the journal.", new OnErasure.Kept("The ledger: ids alone.")),
        ["open_holds"] = new("Follows from the journal.", new OnErasure.Kept("The ledger: none is the person's, or it would be in the way.")),
        ["transfers_before_journal"] = new("Empty since the journal.", new OnErasure.Kept("Empty since the journal.")),
        ["events"] = new("Tells of changes to rows that are exported.", new OnErasure.ByStep(ErasureSteps.Events)),
        ["cell_secrets"] = new("About nobody.", s_aboutNobody),
        ["signing_keys"] = new("About nobody.", s_aboutNobody),
        ["sign_on_grants"] = new("Sealed; gone after minutes.", new OnErasure.Kept("Sealed; gone after minutes.")),
        ["recovery_codes"] = new("Hashes of secrets; GET /api/v1/users/me/security tells how many are left.", new OnErasure.Deleted("user_id = @user", "user_id, code_hash")),
        ["idempotent_requests"] = new("Sealed by keys that the node does not have; gone after a day.", new OnErasure.Kept("Sealed by keys that the node does not have; gone after a day.")),
        ["agent_listings"] = new("Follows from agent_versions.", new OnErasure.ByStep(ErasureSteps.Agents)),
        ["agent_capabilities"] = new("Follows from agent_versions.", new OnErasure.ByStep(ErasureSteps.Agents)),
        ["statements"] = new("Signed and public: GET /api/v1/listings/{publisher}/{name} leads to them.", new OnErasure.ByStep(ErasureSteps.Agents)),
        ["statement_signers"] = new("How many statements each key has; follows from statements.", new OnErasure.Kept("Sums under a key that nobody has any more.")),
        ["statement_strangers"] = new("About nobody.", s_aboutNobody),
        ["equivocations"] = new("Follows from statements.", new OnErasure.Kept("Names of agents and versions under a key that nobody has any more.")),
        ["network_listings"] = new("Follows from statements.", new OnErasure.ByStep(ErasureSteps.Agents)),
        ["network_capabilities"] = new("Follows from statements.", new OnErasure.ByStep(ErasureSteps.Agents)),
        ["publisher_profiles"] = new("Follows from statements.", new OnErasure.ByStep(ErasureSteps.Agents)),
        ["offered_programs"] = new("What nodes have at hand; about nobody.", s_aboutNobody),
        ["listing_backfill"] = new("About nobody.", s_aboutNobody),
        ["agent_stats"] = new("About agents; sums over all their consumers.", new OnErasure.ByStep(ErasureSteps.UnusedVersions)),
        ["agent_ratings"] = new("About agents; sums over all their reviews.", new OnErasure.ByStep(ErasureSteps.UnusedVersions)),
        ["agent_bidding"] = new("How agents bid: GET /api/v1/agents/{publisher}/{name}/bidding.", new OnErasure.ByStep(ErasureSteps.Agents)),
        ["auction_bids"] = new("In the award, once there is one.", new OnErasure.Deleted("auction_id IN (SELECT id FROM auctions WHERE owner_id = @user)", "auction_id, agent")),
        ["content_owners"] = new("The content itself is exported.", new OnErasure.ByStep(ErasureSteps.Content)),
        ["content"] = new("The content itself is exported.", new OnErasure.ByStep(ErasureSteps.Content)),
        ["released_content"] = new("Content without an owner; gone after minutes.", new OnErasure.Kept("Gone after minutes, with the content.")),
        ["content_chunks"] = new("The content itself is exported.", new OnErasure.ByStep(ErasureSteps.Content)),
        ["queue"] = new("Follows from tasks that wait.", s_noneWaits),
        ["delayed"] = new("Follows from tasks that wait.", s_noneWaits),
        ["leases"] = new("Where a task runs just now.", s_noneWaits),
        ["lanes"] = new("How far a consumer's turns are; follows from tasks.", new OnErasure.Deleted("owner_id = @user", "owner_id, priority")),
        ["queue_clock"] = new("About nobody.", s_aboutNobody),
        ["regional_queue"] = new("Follows from tasks that wait.", s_noneWaits),
        ["regional_turns"] = new("Follows from tasks that wait.", s_noneWaits),
        ["regional_lanes"] = new("Follows from tasks.", new OnErasure.Deleted("owner_id = @user", "owner_id, priority, regions")),
        ["task_demand"] = new("Follows from tasks that wait or run.", s_noneWaits),
        ["task_deadlines"] = new("Follows from tasks.", s_noneWaits),
        ["paid_calls"] = new("Follows from tasks of the account that sells calls.", new OnErasure.ByStep(ErasureSteps.PaidCalls)),
        ["call_credit"] = new("Follows from channels and their calls.", new OnErasure.Kept("Sums of channels, which both sides have a part in.")),
        ["webhook_cursor"] = new("About nobody.", s_aboutNobody),
        ["usage_totals"] = new("Follows from the transfers of the wallet.", new OnErasure.Kept("Sums of the journal under ids that lead to nobody; whoever earned by it needs them.")),
        ["storage_hours"] = new("About nobody.", s_aboutNobody),
        ["open_transfers"] = new("Downloads under way; gone when they end.", new OnErasure.Kept("Gone when the download ends; one that is paid for is in the way.")),
        ["usage_cursor"] = new("About nobody.", s_aboutNobody),
        ["plans"] = new("About nobody.", s_aboutNobody),
        ["budget_holds"] = new("Follows from tasks that wait or run.", new OnErasure.Deleted("budget_id IN (SELECT id FROM budgets WHERE owner_id = @user)", "task_id, budget_id")),
        ["letters"] = new("On its way to the person; gone when it has arrived.", new OnErasure.Deleted("recipient = @email", "id")),
        ["api_key_days"] = new("Follows from tasks that were submitted by API keys.", new OnErasure.Deleted("key_id IN (SELECT id FROM api_keys WHERE user_id = @user OR maker_id = @user)", "key_id, day")),
        ["api_key_holds"] = new("Follows from tasks that wait or run.", new OnErasure.Deleted("key_id IN (SELECT id FROM api_keys WHERE user_id = @user OR maker_id = @user)", "key_id, task_id")),
        ["stripe_events"] = new("Ids of messages of Stripe; about nobody.", s_aboutNobody),
        ["nodes"] = new("About nobody.", s_aboutNobody),
        ["audit_blocks"] = new("The person's own entries are exported.", new OnErasure.Kept("Chained by hash. What identifies the person in it is sealed, and the keys are deleted: see audit_actors.")),
        ["audit_chain"] = new("About nobody.", s_aboutNobody),
        ["audit_actors"] = new("Follows from audit_blocks.", new OnErasure.ByStep(ErasureSteps.Audit)),
        ["request_nonces"] = new("Random numbers; gone after minutes.", new OnErasure.Kept("Random numbers; gone after minutes.")),
        ["request_nonce_floor"] = new("About nobody.", s_aboutNobody),
        ["erasures"] = new("That the person has asked to be erased, which nobody who is there can export.", new OnErasure.Kept("That it was done, and when: an id and times.")),
        ["retired_handles"] = new("About nobody who is there.", new OnErasure.Kept("That nobody gets the handle again; which it was cannot be read from it.")),
        ["schema_migrations"] = new("About nobody.", s_aboutNobody),
    };
}
