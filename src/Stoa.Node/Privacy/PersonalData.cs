namespace Stoa.Node.Privacy;

/// <summary>Where in the database things about a person are. A test holds this against the schema: a table that is in neither list does not pass.</summary>
internal static class PersonalData
{
    private const string OfTasks = "task_id IN @ids";

    /// <summary>What is exported row by row. Transfers, audit entries and content are read by their own rooms.</summary>
    public static IReadOnlyList<PersonalTable> Tables { get; } =
    [
        new("users", "id", "id = @user", "id handle email role kind created_at"),
        new("api_keys", "id", "user_id = @user", "id name prefix maker_id scopes calls_per_minute spend_per_day created_at expires_at last_used_at revoked_at"),
        new("request_keys", "id", "user_id = @user", "id name hex:public_key created_at revoked_at"),
        new("sessions", "id", "user_id = @user", "id device created_at used_at ended_at ended_by"),
        new("account_security", "user_id", "user_id = @user", "user_id must_verify verified_at password_changed_at totp_enabled_at"),
        new("mailed_codes", "purpose", "user_id = @user", "purpose sent_at expires_at"),
        new("user_usage", "user_id", "user_id = @user", "user_id open_tasks content_bytes max_open_tasks max_content_bytes"),
        new(
            "tasks",
            "id",
            "owner_id = @user",
            "id agent requirement budget deadline_at tried input_digest input_bytes parameters fuel_limit memory_limit_bytes timeout_ms output_limit_bytes log_limit_bytes hold_id hold_amount batch_id schedule_id replay_of priority due_at trace_parent auction created_at")
        {
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
        new("budgets", "id", "owner_id = @user", "id span scope amount thresholds mails start_at held captured told is_exhausted created_at"),
        new("balance_alerts", "owner_id", "owner_id = @user", "owner_id below mails is_told"),
        new("task_batches", "id", "owner_id = @user", "id size first_task_id last_task_id succeeded failed cancelled cost cancel_requested_at created_at finished_at"),
        new("idempotency_keys", "key", "owner_id = @user", "key task_id"),
        new("auctions", "id", "owner_id = @user", "id task_id state announcement on_no_bids closes_at decided_at text:award"),
        new("task_templates", "id", "owner_id = @user", "id name task parameters created_at"),
        new("schedules", "id", "owner_id = @user", "id name cron time_zone request missed overlap paused_at next_tick created_at"),
        new(
            "schedule_runs",
            "schedule_id || ' ' || tick_at",
            "schedule_id IN (SELECT id FROM schedules WHERE owner_id = @user)",
            "schedule_id tick_at outcome task_id code detail at"),
        new("webhooks", "id", "owner_id = @user", "id url name types created_at disabled_at disabled_reason failing_since"),
        new(
            "webhook_deliveries",
            "id",
            "webhook_id IN (SELECT id FROM webhooks WHERE owner_id = @user)",
            "id webhook_id type subject body state attempts due_at attempted_at status error duration_ms created_at finished_at"),
        new("reviews", "id", "reviewer_id = @user", "id agent version task_id stars text written_at changed_at withdrawn_at answer answered_at"),
        new("agent_versions", "id", "publisher_id = @user", "id publisher name version manifest artifact_digest program_digest program_bytes published_at royalties"),
        new("disputes", "id", "owner_id = @user", "id task_id reason price attempts verdict detail decided_at opened_at"),
        new("organisations", "id", "id IN (SELECT organisation_id FROM memberships WHERE member_id = @user)", "id name deleted_at"),
        new("memberships", "organisation_id", "member_id = @user", "organisation_id role joined_at"),
        new("invitations", "id", "invited_id = @user OR inviter_id = @user OR email = (SELECT email FROM users WHERE id = @user)", "id organisation_id email role created_at expires_at"),
        new("stripe_parties", "user_id", "user_id = @user", "user_id customer account account_state"),
        new("payments", "id", "user_id = @user", "id amount state session intent refunded disputed recovered created_at changed_at"),
        new(
            "payment_refunds",
            "id",
            "payment_id IN (SELECT id FROM payments WHERE user_id = @user)",
            "id payment_id amount state stripe_id reason created_at changed_at"),
        new("payouts", "id", "user_id = @user", "id destination amount returned state stripe_id reason created_at changed_at"),
        new("agent_payers", "publisher || ' ' || agent", "payer_id = @user", "publisher agent receipts has_paid"),
        new(
            "channels",
            "id",
            "payer_id = @user OR payee_id = @user",
            "id payer payee challenge_window_ms opened_at expires_at deposit settled text:proof text:agreement state closing_by closing_at ends_at closed_at"),
    ];

    /// <summary>Tables whose rows are exported otherwise, follow from rows that are exported, or are about nobody; and which it is.</summary>
    public static IReadOnlyDictionary<string, string> Others { get; } = new Dictionary<string, string>
    {
        ["accounts"] = "The wallet is exported with its transfers.",
        ["journal"] = "The transfers of the wallet are exported.",
        ["journal_head"] = "About nobody.",
        ["journal_places"] = "Follows from the journal.",
        ["open_holds"] = "Follows from the journal.",
        ["transfers_before_journal"] = "Empty since the journal.",
        ["events"] = "Tells of changes to rows that are exported.",
        ["cell_secrets"] = "About nobody.",
        ["signing_keys"] = "About nobody.",
        ["recovery_codes"] = "Hashes of secrets; GET /api/v1/users/me/security tells how many are left.",
        ["idempotent_requests"] = "Sealed by keys that the node does not have; gone after a day.",
        ["agent_listings"] = "Follows from agent_versions.",
        ["agent_capabilities"] = "Follows from agent_versions.",
        ["agent_stats"] = "About agents; sums over all their consumers.",
        ["agent_ratings"] = "About agents; sums over all their reviews.",
        ["agent_bidding"] = "How agents bid: GET /api/v1/agents/{publisher}/{name}/bidding.",
        ["auction_bids"] = "In the award, once there is one.",
        ["content_owners"] = "The content itself is exported.",
        ["content"] = "The content itself is exported.",
        ["content_chunks"] = "The content itself is exported.",
        ["queue"] = "Follows from tasks that wait.",
        ["delayed"] = "Follows from tasks that wait.",
        ["leases"] = "Where a task runs just now.",
        ["lanes"] = "How far a consumer's turns are; follows from tasks.",
        ["queue_clock"] = "About nobody.",
        ["regional_queue"] = "Follows from tasks that wait.",
        ["regional_turns"] = "Follows from tasks that wait.",
        ["regional_lanes"] = "Follows from tasks.",
        ["task_demand"] = "Follows from tasks that wait or run.",
        ["task_deadlines"] = "Follows from tasks.",
        ["paid_calls"] = "Follows from tasks of the account that sells calls.",
        ["call_credit"] = "Follows from channels and their calls.",
        ["webhook_cursor"] = "About nobody.",
        ["usage_totals"] = "Follows from the transfers of the wallet.",
        ["usage_cursor"] = "About nobody.",
        ["budget_holds"] = "Follows from tasks that wait or run.",
        ["letters"] = "On its way to the person; gone when it has arrived.",
        ["api_key_days"] = "Follows from tasks that were submitted by API keys.",
        ["api_key_holds"] = "Follows from tasks that wait or run.",
        ["stripe_events"] = "Ids of messages of Stripe; about nobody.",
        ["nodes"] = "About nobody.",
        ["audit_blocks"] = "The person's own entries are exported.",
        ["audit_chain"] = "About nobody.",
        ["audit_actors"] = "Follows from audit_blocks.",
        ["request_nonces"] = "Random numbers; gone after minutes.",
        ["request_nonce_floor"] = "About nobody.",
        ["schema_migrations"] = "About nobody.",
    };
}
