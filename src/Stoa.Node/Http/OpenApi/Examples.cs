using System.Text.Json;
using System.Text.Json.Nodes;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Node.Http.OpenApi;

/// <summary>An example of every contract, written with the contracts themselves, so that it cannot differ from them.</summary>
internal static class Examples
{
    private const string TaskId = "task_01m81g22zze29bsw17hnv1mf7s";
    private const string InputDigest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    private const string OutputDigest = "sha256:5f1b0f0a3d9a8a6d6c3d5a55b9c2fd4f8f2c2c1c3e6f7a1d0b4e2f9c8d7a6b51";

    private static readonly DateTimeOffset s_submitted = new(2026, 11, 22, 10, 41, 7, 250, TimeSpan.Zero);
    private static readonly AgentLimitsBody s_limits = new(20_000_000_000, 268_435_456, 60_000, 67_108_864, 65_536);
    private static readonly UserResponse s_user = new("user_01m81g29hdep1sct759qs8z33q", "ada", "ada@example.org", "member", s_submitted);

    private static readonly SessionResponse s_session = new(
        "eyJhbGciOiJFUzI1NiIsImtpZCI6Im9LSX…", s_submitted.AddMinutes(15), s_user, "sess_01m81g2a1af0a1b2c3d4e5f6g7", "stoar_agk2qeuqlz5 … (64 characters)", s_submitted.AddDays(30));

    private static readonly ListedSessionResponse s_listedSession = new(
        s_session.SessionId, "stoa-cli", s_submitted, s_submitted.AddHours(2), s_submitted.AddDays(30), IsCurrent: true);

    private static readonly AgentResponse s_agent = new(
        "agent_01m81g1x6vf1cvk6r0j3y9g2qd", "stoa/markdown-html@1.0.0", "stoa", "markdown-html", "1.0.0", "Turns Markdown into HTML.",
        ["text.convert"], ["markdown", "html"], new AgentPortBody("text/markdown"), new AgentPortBody("text/html"),
        [new AgentParameterBody("title", "Title of the page.", "string")], s_limits, new AgentPriceBody("0.000100000", "0.000050000", "0.001000000"),
        OutputDigest, InputDigest, 84_211, s_submitted);

    private static readonly ListingPublisherBody s_listingPublisher = new("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", Verified: true, "stoa", "stoa");

    private static readonly SignerResponse s_signer = new("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "vouched", 12, 14_233, IsOwnHandle: false, "ann.example.org");

    private static readonly ListingResponse s_listing = new(
        $"{s_listingPublisher.Key}/markdown-html@1.0.0", s_listingPublisher, "markdown-html", "1.0.0", "Turns Markdown into HTML.", ["text.convert"], ["markdown", "html"],
        s_submitted, OutputDigest, "agent", "documents", "MIT", new AgentPortBody("text/markdown"), new AgentPortBody("text/html"), s_agent.Price, OutputDigest, InputDigest, 84_211);

    private static readonly ListingResponse s_model = new(
        $"{s_listingPublisher.Key}/small-chat@1.0.0", s_listingPublisher, "small-chat", "1.0.0", "Answers questions in short.", ["chat"], ["english"],
        s_submitted, OutputDigest, "model", "language", "Apache-2.0", Content: new BlobResponse(InputDigest, 668_788_096),
        Model: new ModelBody("gguf", "llama", "Q4_K_M", 8_192, 1_100_048_384, "0.040000000", "0.080000000"));

    private static readonly TaskResponse s_task = new(
        TaskId, "stoa/markdown-html@1.0.0", "succeeded", InputDigest, 5, new Dictionary<string, string> { ["title"] = "Hello" }, s_limits,
        "0.020100001", 1, s_submitted, FinishedAt: s_submitted.AddMilliseconds(9),
        Result: new TaskResultBody(
            OutputDigest, 12, "text/html", new UsageBody(48_312, 1_179_648, 5, 12, 3), "0.000100050", "rcpt_01m81g2a4me0r9y3c1v6w8x2zt"));

    private static readonly BatchResponse s_batch = new(
        "batch_01m81g2f1af0a1b2c3d4e5f6g7", 1_000, 740, 2, 257, 1, 0, "0.025700000", s_submitted);

    private static readonly TransferResponse s_transfer = new(
        "xfer_01m81g2b7kf8n9p0q1r2s3t4v5", "posted", "deposit", "in", "25.000000000", s_user.Id, s_submitted);

    private static readonly VoucherBody s_voucher = new(
        new DsseEnvelope("application/vnd.stoa.voucher.v1+json", "{…}"u8.ToArray(), [new DsseSignature("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", [48, 69])]));

    private static readonly ChannelResponse s_channel = new(
        "chan_01m81g2m1af0a1b2c3d4e5f6g7", "open", "payer", "ada", "stoa", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE…", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE…",
        "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "5.000000000", "1.250000000", "3.750000000", 86_400, s_submitted, s_submitted.AddDays(90), Voucher: s_voucher);

    private static readonly RefundResponse s_refund = new(
        "refund_01m81g2p2mf0a1b2c3d4e5f6g7", "pay_01m81g2p1kf0a1b2c3d4e5f6g7", "succeeded", "10.000000000", s_submitted, s_submitted.AddSeconds(2));

    private static readonly PaymentResponse s_payment = new(
        s_refund.PaymentId, "partlyRefunded", "25.000000000", "10.000000000", "0.000000000", "0.000000000", s_submitted, s_submitted.AddMinutes(2), Refunds: [s_refund]);

    private static readonly PayoutResponse s_payout = new(
        "payout_01m81g2p3nf0a1b2c3d4e5f6g7", "paid", "120.500000000", "0.000000000", s_submitted, s_submitted.AddSeconds(1));

    private static readonly ApiKeyResponse s_apiKey = new(
        "key_01m81g2c8wf3y7z1a2b3c4d5e6", "laptop", "stoa_fcbgrb", s_submitted, s_submitted.AddYears(1), "stoa_fcbgrb… (shown once)",
        ["tasks:read", "tasks:submit"], 600, "5.000000000", "1.250000000", s_submitted, 100_000);

    private static readonly OrganisationResponse s_organisation = new("user_01m81g2p5zf0a1b2c3d4e5f6g7", "acme", "Acme Research", "admin", s_submitted, s_submitted, new ModelLimitsBody(600, 200_000));

    private static readonly MemberResponse s_member = new("ada", "admin", s_submitted);

    private static readonly InvitationResponse s_invitation = new(
        "invite_01m81g2q5zf0a1b2c3d4e5f6g7", "acme", "developer", "ada", s_submitted, s_submitted.AddDays(7), Email: "grace@example.org", Code: "join_… (shown once)",
        Mailed: true);

    private static readonly IdentityResponse s_identity = new(
        "ident_01m81g2q6zf0a1b2c3d4e5f6g7", "https://login.example.org", "248289761001", "grace@example.org", s_submitted, s_submitted.AddHours(2));

    private static readonly SubmitTaskRequest s_blank = new(
        "stoa/image-resize", new TaskInputBody(Digest: InputDigest), new Dictionary<string, string> { ["width"] = "{{width}}" });

    private static readonly TemplateParameterBody s_width = new("width", "integer", "Pixels.", JsonSerializer.SerializeToElement(640, StoaJson.Default.Int32));

    private static readonly TemplateResponse s_template = new("tmpl_01m81g2f5zf0a1b2c3d4e5f6g7", "thumbnail", s_blank, [s_width], s_submitted);

    private static readonly ScheduleRunBody s_run = new(s_submitted, "submitted", s_submitted, TaskId);

    private static readonly WorkflowResponse s_workflow = new("press-review", 3, InputDigest, s_submitted);

    private static readonly WorkflowRunResponse s_workflowRun = new("run_01m81g2h7df0a1b2c3d4e5f6g7", "press-review", InputDigest, "succeeded", "0.000040000", s_submitted, 3, "0.050000000", EndedAt: s_submitted.AddSeconds(2));

    private static readonly ScheduleResponse s_schedule = new(
        "sched_01m81g2g9kf0a1b2c3d4e5f6g7", "30 8 * * MON-FRI", "Europe/Berlin", "runOnce", "skip", "active",
        [s_submitted.AddDays(1), s_submitted.AddDays(2)], s_submitted, "report", Template: new TemplateCallBody(s_template.Id), LastRun: s_run);

    private static readonly WebhookResponse s_webhook = new(
        "hook_01m81g2d3vf0a1b2c3d4e5f6g7", "https://example.org/stoa", ["stoa.task.succeeded", "stoa.task.failed"], "active", s_submitted, "ci",
        Secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD (shown once)");

    private static readonly WebhookDeliveryResponse s_delivery = new(
        "dlvr_01m81g2e8hf0a1b2c3d4e5f6g7", "stoa.task.succeeded", TaskId, "delivered", 1, s_submitted, "128", AttemptedAt: s_submitted, Status: 204,
        DurationMs: 41, FinishedAt: s_submitted);

    private static readonly MailboxResponse s_mailbox = new(
        "mbox_01m81g2d3vf0a1b2c3d4e5f6g7", "ada/results", "accounts", 30, 5, 345_600, 12, 1, 48_211, s_submitted, ["grace"]);

    private static readonly MessageResponse s_message = new(
        "msg_01m81g2e8hf0a1b2c3d4e5f6g7", "grace", s_submitted, s_submitted.AddDays(4), 1, "application/json", JsonElement.Parse("""{"done":true}"""), CorrelationId: "order-17");

    private static readonly TopicResponse s_topic = new("topic_01m81g2d3vf0a1b2c3d4e5f6g7", "ada/news", "owner", "anyone", 13, s_submitted);

    private static readonly TopicSubscriptionResponse s_topicSubscription = new("ada/news", "grace/inbox", s_submitted, 1);

    private static readonly PeerResponse s_peer = new(
        "QmTnaGEp8ddMBJqb6GSLKBtB7Ldq5aqrAhXAjFPvCYLHRk", "/ip4/192.0.2.7/tcp/8421", "out", "/tls/1.0.0", "stoa/0.1.0",
        ["/ipfs/id/1.0.0", "/ipfs/ping/1.0.0"], ["/ip4/192.0.2.7/tcp/8421"]);

    private static readonly SoldModelResponse s_soldModel = new("stoa/tiny-chat@1.0.0", "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", OutputDigest, ["chat"], "0.500000000", "1.500000000", 4_096, "eu-west", 81.5);

    private static readonly SupplierResponse s_supplier = new(
        "supp_01h2xcejqtf2nbrexx3vqjhp41", s_peer.PeerId, "https://node.example.org", "chan_01h2xcejqtf2nbrexx3vqjhp41", "1.250000000", "1.080000000", "0.020000000", "0.150000000", 812, 3, 1, 0, 0.996, s_submitted, 14.2);

    private static readonly OfferResponse s_offer = new(
        s_peer.PeerId, false, ["/ip4/192.0.2.7/tcp/8421/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"], 8, 16L << 30, 1_000, [OutputDigest], s_submitted, s_submitted.AddHours(4), InputDigest, "eu-central", new SplitBody(70, 25, 5),
        new ReceiptSummaryBody(s_submitted.AddDays(-30), s_submitted, 1_204, 7), [InputDigest]);

    private static readonly ListedNodeResponse s_listedNode = new(
        "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", s_submitted.AddDays(-3), s_submitted, "0.1.0", "eu-central",
        new NodeCapacityBody(4, 8_589_934_592), new NodeLoadBody(3, 201_326_592, 3, 48_210));

    private static readonly ReplicaResponse s_replica = new(
        "repl_01h2xcejqtf2nbrexx3vqjhp41", "stoa/tiny-chat@1.0.0", "http://127.0.0.1:8080/v1", "tiny-chat-q4.gguf", HasApiKey: false, 100, 64, IsDraining: false, ["chat"], s_submitted, "eu-central", 32_768,
        new ModelPriceBody("0.200000000", "0.800000000"), new ModelPriceBody("0.050000000", "0.200000000"), new ReplicaFiguresBody("well", 3, 4_211, 48_210, 2, 0, 41.7, 88.2));

    private static readonly RouteResponse s_route = new("fast", [new RouteTargetBody("stoa/tiny-chat@^1", 9), new RouteTargetBody("stoa/tiny-chat@2.0.0-rc.1", 1)], ["auto:chat"], IsForAll: false);

    private static readonly AccountResponse s_account = new(
        "acct_01m81g232ce5ztjh482mqvxtvy", "user_01m81g232ce5ztjh482mqvxtvw", "wallet", "25.000000000", "0.020100001", "0.000000000", 1_056_769, s_submitted);

    private static readonly JournalBlockResponse s_block = new(129, 2, 131, [.. Enumerable.Repeat((byte)0, 12)], "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae");

    private static readonly PlanResponse s_plan = new(
        "plan_01m81g2r3vf0a1b2c3d4e5f6g7", "pro", 2, "20.000000000", "25.000000000", s_submitted, "For teams that run agents every day.", 500_000, 214_748_364_800);

    private static readonly SubscriptionResponse s_subscription = new(
        "sub_01m81g2r4vf0a1b2c3d4e5f6g7", s_plan, "active", s_submitted, s_submitted.AddMonths(1), IsCancelled: false, "10.000000000",
        Discount: new DiscountBody("coupon_01m81g2r5vf0a1b2c3d4e5f6g7", 50, 2, "pro"), Change: new SubscriptionChangeBody("started", "10.000000000", "25.000000000", "ada"));

    private static readonly CouponResponse s_coupon = new(
        "coupon_01m81g2r5vf0a1b2c3d4e5f6g7", "k7qd-…", 1_000, 12, 1, true, s_user.Id, s_submitted, Credit: "5.000000000", CreditDays: 90, ExpiresAt: s_submitted.AddMonths(3));

    private static readonly DisputeResponse s_dispute = new(
        "disp_01m81g2k3vf0a1b2c3d4e5f6g7", TaskId, "rejected", "Another output comes when it is run again.", "0.000100050", s_submitted, s_submitted.AddSeconds(2),
        "Run again it gave the same output, sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae, and burnt the same fuel, 48211.");
    private static readonly UsageResponse s_usage = new(
        new DateTimeOffset(s_submitted.Date, TimeSpan.Zero), 1_000, 48_312_000, 5_000, 12_000, 3_000, "0.100050000", Group: "stoa/markdown-html", Calls: 200);

    private static readonly UnpaidStorageResponse s_unpaid = new("ada", 11_811_160_064, "0.000273973", new DateTimeOffset(s_submitted.Date, TimeSpan.Zero));

    private static readonly UsagePricesBody s_prices = new("0.020000000", 1_073_741_824, "0.010000000", 10_737_418_240);

    private static readonly BudgetResponse s_budget = new(
        "budget_01m81g2n6vf0a1b2c3d4e5f6g7", "5.000000000", "day", "1.250000000", "0.020100001", "3.729899999", new DateTimeOffset(s_submitted.Date, TimeSpan.Zero), new DateTimeOffset(s_submitted.Date, TimeSpan.Zero).AddDays(1),
        [80, 100], true, s_submitted, Agent: "stoa/markdown-html");
    private static readonly AuditEntryResponse s_audited = new(
        1_204, s_submitted, "createApiKey", 201, s_user.Id, "session", "203.0.113.0/24", s_apiKey.Id, "434e7f7e2cfb9e98ad787d619d5c2db6", s_organisation.Id, s_user.Handle);

    private static readonly SigningKeyResponse s_signingKey = new("skey_01m81g2p6xf0a1b2c3d4e5f6g7", "build server", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE…", s_submitted);

    private static readonly ReviewResponse s_review = new(
        "rev_01m81g2j4qf0a1b2c3d4e5f6g7", "stoa/markdown-html", "stoa/markdown-html@1.0.0", "ada", 4, s_submitted, "Fast, but footnotes are missing.",
        Answer: new ReviewAnswerBody("They come with 1.1.", s_submitted.AddHours(2)));

    private static readonly Dictionary<Type, JsonNode> s_byType = new object[]
    {
        new RegisterRequest("ada", "ada@example.org", "correct horse battery staple"),
        new LoginRequest("ada", "correct horse battery staple"),
        s_session,
        new RefreshSessionRequest("stoar_agk2qeuqlz5 … (64 characters)"),
        s_listedSession,
        new ListResponse<ListedSessionResponse>([s_listedSession]),
        new ChangePasswordRequest("a horse with other batteries", "correct horse battery staple"),
        new SendCodeRequest("ada@example.org"),
        new VerifyEmailRequest("ada@example.org", "k7qd-m2xp-4wsa"),
        new ResetPasswordRequest("ada@example.org", "k7qd-m2xp-4wsa", "a horse with other batteries"),
        new MakePasswordResetCodeRequest("ada"),
        new PasswordResetCodeResponse("ada", "ada@example.org", "k7qd-m2xp-4wsa", s_submitted.AddHours(1), false),
        new AccountSecurityResponse(true, s_submitted, true, s_submitted, s_submitted, 10),
        new BeginTotpRequest("correct horse battery staple"),
        new TotpResponse("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "otpauth://totp/Stoa:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Stoa&algorithm=SHA1&digits=6&period=30"),
        new TotpCodeRequest("287082"),
        new RemoveTotpRequest("287082", "correct horse battery staple"),
        new RecoveryCodesResponse(["q2mz-7hfa-x4tn-c6ye", "w5kb-r3jd-p2us-a7gl"]),
        new RequestErasureRequest("correct horse battery staple", "287082", false),
        new CancelErasureRequest("ada", "correct horse battery staple", "287082"),
        new ErasureResponse(7, s_submitted, s_submitted.AddDays(7), []),
        new KeySetResponse([new KeyBody("EC", "P-256", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U", "sig", "ES256")]),
        s_user,
        new CreateApiKeyRequest("laptop", s_submitted.AddYears(1), ["tasks:read", "tasks:submit"], 600, "5", 100_000),
        s_apiKey,
        new ListResponse<ApiKeyResponse>([s_apiKey with { Secret = null }]),
        new CreateOrganisationRequest("acme", "Acme Research"),
        new UpdateOrganisationRequest("Acme Research and Tools"),
        new ModelLimitsBody(600, 200_000),
        s_organisation,
        new ListResponse<OrganisationResponse>([s_organisation]),
        new SetMemberRequest("developer"),
        s_member,
        new ListResponse<MemberResponse>([s_member]),
        new InviteRequest("developer", Email: "grace@example.org"),
        s_invitation,
        new ListResponse<InvitationResponse>([s_invitation with { Code = null, Mailed = null }]),
        new AcceptInvitationRequest("join_…"),
        new SetIdentityProviderRequest(
            s_identity.Issuer, "stoa", ["example.org"], "(the secret of the client)", RoleClaim: "groups", Roles: new Dictionary<string, string> { ["stoa-developers"] = "developer" },
            Scopes: ["groups"]),
        new IdentityProviderResponse(
            s_identity.Issuer, "stoa", "https://stoa.example.org/login/acme/callback", "https://stoa.example.org/login/acme", ["example.org"], false,
            new Dictionary<string, string> { ["stoa-developers"] = "developer" }, ["groups"], s_submitted, "groups"),
        new IdentityProviderTestResponse(
            false, [new IdentityProviderCheckBody("client", false, "The provider does not take the client id with this secret (invalid_client). Look at both.")]),
        new SingleSignOnResponse("acme", "https://stoa.example.org/login/acme"),
        new SingleSignOnRequest("k7qd-m2xp-4wsa-q2mz-7hfa-x4tn-c6ye-w5kb", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        new LinkIdentityRequest("k7qd-m2xp-4wsa-q2mz-7hfa-x4tn-c6ye-w5kb", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        s_identity,
        new ListResponse<IdentityResponse>([s_identity]),
        new WalletResponse("acct_01m81g232ce5ztjh482mqvxtvy", "25.000000000", "0.020100001", "24.979899999"),
        s_account,
        new ListResponse<AccountResponse>([s_account]),
        s_block,
        new JournalBlocksResponse([s_block]),
        s_audited,
        new RegisterSigningKeyRequest("build server", s_signingKey.PublicKey, s_voucher.Envelope with { PayloadType = "application/vnd.stoa.signing-key.v1+json" }),
        s_signingKey,
        new ListResponse<SigningKeyResponse>([s_signingKey]),
        new ListResponse<AuditEntryResponse>([s_audited]),
        new QuotaResponse("ada", 740, 100_000, 11_811_160_064, 107_374_182_400, "0.000273973", 10_737_418_240, 1_250_000),
        s_unpaid,
        new ListResponse<UnpaidStorageResponse>([s_unpaid]),
        new SetQuotaRequest(500_000),
        s_usage,
        new ListResponse<UsageResponse>([s_usage]),
        new UsageAuditResponse(true, 129, 42, 1_000, "0.100050000"),
        s_budget,
        new ListResponse<BudgetResponse>([s_budget]),
        new SetBudgetRequest("5.00", "day", "stoa/markdown-html", AlertAt: [50, 80, 100]),
        new SetBudgetAlertsRequest([50, 80, 100], false),
        new BalanceAlertResponse(true, false, "5.000000000"),
        new SetBalanceAlertRequest("5.00"),
        s_transfer,
        new ListResponse<TransferResponse>([s_transfer], "MTI4"),
        new DepositRequest("ada", "25.00"),
        new CloudEvent(
            "1.0", "128", "stoa://QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "stoa.task.succeeded", TaskId, s_submitted.AddMilliseconds(9),
            JsonSerializer.SerializeToElement(
                new TaskEventData(TaskId, "stoa/markdown-html@1.0.0", "succeeded", 1, "0.000100050"), StoaJson.Default.TaskEventData)),
        new SubmitTaskRequest(
            "stoa/markdown-html", new TaskInputBody(Text: "# Hi"), new Dictionary<string, string> { ["title"] = "Hello" }, MaxPrice: "0.05",
            Priority: "high", DueAt: s_submitted, Regions: ["eu-central"]),
        new SealingKeyResponse(
            "8f2b64d07c1e59a3", "BKkkcZbGGdXVEIUPRpqLmBTVg1j/crYFAe4sREbl5nsyWsqYU23rYah69RLWDXrFiI+2nrLCkHBPM5V8AOlLJ3s=",
            "DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM", s_user.Id,
            new DsseEnvelope("application/vnd.stoa.sealing-key.v1+json", "{…}"u8.ToArray(), [new DsseSignature("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", [48, 69])])),
        s_task,
        new ListResponse<TaskResponse>([s_task]),
        new SubmitBatchRequest([new SubmitTaskRequest("stoa/markdown-html", new TaskInputBody(Text: "# Hi"), Priority: "background")]),
        s_batch,
        new ListResponse<BatchResponse>([s_batch]),
        new SelectionResponse(
            "task_01h2xcejqtf2nbrexx3vqjhp41",
            new RequirementBody(["text.html"], 30_000, Weights: new WeightsBody(0.4, 0.3, 0.2, 0.1), Explore: true),
            DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_030_000),
            [],
            [
                new ChoiceBody(
                    DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000),
                    "stoa/markdown-html@1.0.0",
                    IsExploring: false,
                    CandidateCount: 2,
                    new Dictionary<string, int> { ["budget"] = 1 },
                    new WeightsBody(0.4, 0.3, 0.2, 0.1),
                    new TypicalBody(0.0002, 0.04, 0.02, 0.01),
                    [
                        new CandidateBody(
                            "stoa/markdown-html@1.0.0", "chosen", 0.57, new WeightsBody(0.6, 0.6, 0.5, 0.5), 0.97, 31, "0.000130000", "0.020100001", 0.02, 0),
                    ]),
            ]),
        new AuctionResponse(
            "auction_01m81g2k3vf0a1b2c3d4e5f6g7", TaskId, "awarded", ["text.html"], 5, s_submitted, s_submitted.AddMilliseconds(150),
            [
                new BidderBody(
                    "stoa/markdown-html@1.0.0", "won", 0.31, "0.000130000", 0, s_agent.Price, s_limits,
                    new BidBody(s_submitted, Factor: "0.800000", ExpectedPrice: "0.000104000", Score: "0.000335484"),
                    new AwardBody(new AgentPriceBody("0.000095000", "0.000047500", "0.000950000", "0.000000000"), "0.000123500", "0.019095001", Factor: "0.950000")),
            ],
            [], "0.050000000", s_submitted.AddMilliseconds(152)),
        new SealedBidResponse(OutputDigest, s_submitted),
        new BidStatement("auction_01m81g2k3vf0a1b2c3d4e5f6g7", "stoa/markdown-html", "5f0c6d1e8f7a4b1e9a570d6c3a1f2b44", Factor: "0.8"),
        new BiddingPolicyBody("loadAware", IdleFactor: "0.6", BusyFactor: "1", FullLoad: 8),
        new BiddingResponse("stoa/markdown-html", new BiddingPolicyBody("fixed", Factor: "0.800000"), IsDefault: false, Faults: 0, s_submitted),
        new QuoteResponse(
            "stoa/markdown-html@1.0.0", "0.018090001", "0.000100000", "0.000000001", "0.020000000", "0.000000000", "0.000090001", 1, new QuoteFactorsBody(1, 1, 0.9m)),
        s_agent,
        new ListResponse<AgentResponse>([s_agent]),
        s_listing,
        new ListingSearchResponse(
            [s_listing with { Standing = new ListingStandingBody(1_204, 18, 4.72m) }],
            Total: 1,
            Facets: new Dictionary<string, IReadOnlyList<FacetCountBody>> { ["tag"] = [new FacetCountBody("html", 1), new FacetCountBody("markdown", 1)] }),
        new ListResponse<ListingReviewBody>([new ListingReviewBody(s_listingPublisher.Key, "1.0.0", 5, "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", Counts: true, s_submitted, OutputDigest, Verified: false, "ann.example.org", "Tables come out right.")]),
        s_signer,
        new DeprecateListingRequest("It loses tables.", "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/markdown-html-2"),
        new TransferListingRequest("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/markdown-html"),
        new ListResponse<SignerResponse>([s_signer]),
        new ContradictionProofResponse(
            $"{s_listingPublisher.Key}/markdown-html@0.8.0",
            [
                new DsseEnvelope("application/vnd.stoa.statement+json", "{…}"u8.ToArray(), [new DsseSignature(s_listingPublisher.Key, [48, 69])]),
                new DsseEnvelope("application/vnd.stoa.statement+json", "{…}"u8.ToArray(), [new DsseSignature(s_listingPublisher.Key, [48, 70])]),
            ]),
        new ListResponse<ContradictionBody>(
            [new ContradictionBody($"{s_listingPublisher.Key}/markdown-html@0.8.0", s_listingPublisher with { Contradictions = 1 }, "markdown-html", "0.8.0", [InputDigest, OutputDigest], s_submitted)]),
        new ListResponse<ListingVersionBody>([new ListingVersionBody("1.0.0", "offered", s_submitted, OutputDigest, [s_listingPublisher.Key], OutputDigest, InputDigest, 84_211)]),
        new ListResponse<SimilarListingBody>([new SimilarListingBody(0.62m, s_listing)]),
        new ListResponse<ListingResponse>([s_listing, s_model]),
        new GoodsManifestBody(
            "model", "small-chat", "1.0.0", "Answers questions in short.", ["english"], "language", "Apache-2.0", "gguf", "llama", "Q4_K_M", 8_192, 1_100_048_384,
            new GoodsContentBody(InputDigest, 668_788_096), ["chat"], new ModelPriceBody("0.04", "0.08")),
        new ResolutionResponse(
        [
            new ResolvedListingBody(
                $"{s_listingPublisher.Key}/image-resize@1.1.0", "stoa/image-resize", "1.1.0", OutputDigest, ["stoa/picture-page@1.0.0"],
                ManifestDigest: InputDigest, ArtifactDigest: OutputDigest, ProgramDigest: InputDigest),
            new ResolvedListingBody(
                $"{s_listingPublisher.Key}/picture-page@1.0.0", "stoa/picture-page", "1.0.0", InputDigest, [], ManifestDigest: OutputDigest, ArtifactDigest: InputDigest, ProgramDigest: OutputDigest),
            new ResolvedListingBody(
                $"{s_listingPublisher.Key}/small-chat@1.2.0", "stoa/small-chat", "1.2.0", OutputDigest, [], "model", ["stoa/picture-page@1.0.0"], InputDigest,
                Content: new BlobResponse(InputDigest, 668_788_096)),
        ],
        [new LeftOutBody("stoa/large-chat@^2.0.0", "stoa/picture-page@1.0.0", "stoa/picture-page@1.0.0 prefers the model stoa/large-chat@^2.0.0, and what is offered is 1.4.0.")]),
        new ListingDetailsResponse(
            $"{s_listingPublisher.Key}/markdown-html", s_listingPublisher, "markdown-html", "Turns Markdown into HTML.",
            [
                new ListingVersionBody("1.0.0", "offered", s_submitted, OutputDigest, ["QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"], OutputDigest, InputDigest, 84_211),
                new ListingVersionBody(
                    "0.9.0", "withdrawn", s_submitted.AddDays(-30), InputDigest, [], OutputDigest, InputDigest, 83_977, Withdrawal: new ListingWithdrawalBody(OutputDigest, s_submitted, "It loses tables.")),
            ],
            "1.0.0"),
        new WithdrawAgentRequest("Tables lose their last row; 1.0.1 mends it."),
        new AgentOfferResponse("stoa/markdown-html", ["1.0.0"], "1.0.1"),
        new BlobResponse(InputDigest, 5),
        new ListResponse<BlobResponse>([new BlobResponse(InputDigest, 5)]),
        new ReplayTasksRequest("stoa/markdown-html", "timedOut", Again: false),
        new ReplaysResponse([new ReplayBody("task_01m81g2h7df0a1b2c3d4e5f6g7", TaskId, true)]),
        new WorkflowValidationResponse("twice", 2, 2, "0.000040000", "flowchart TD\n  n_one[\"one<br/>stoa/markdown-html\"]\n  n_two[\"two<br/>stoa/markdown-html\"]\n  n_one --> n_two\n"),
        new ValidateWorkflowRequest(
            JsonElement.Parse("""{ "name": "both", "nodes": { "one": { "workflow": { "name": "page", "input": { "text": "# One" } } } }, "output": "${nodes.one.output}" }"""),
            new Dictionary<string, JsonElement> { ["page"] = JsonElement.Parse("""{ "name": "page", "nodes": { "html": { "task": { "agent": "stoa/markdown-html", "input": { "text": "${input.text}" } } } }, "output": "${nodes.html.output}" }""") }),
        new SimulateWorkflowRequest(
            JsonElement.Parse("""{ "name": "twice", "nodes": { "one": { "task": { "agent": "stoa/markdown-html", "input": { "text": "${input.text}" } } } }, "output": "${nodes.one.output}" }"""),
            JsonElement.Parse("""{ "text": "# Hello" }"""),
            new Dictionary<string, SimulatedOutcomeBody> { ["one"] = new(JsonElement.Parse("\"<h1>Hello</h1>\"")) }),
        new WorkflowSimulationResponse(
            "succeeded", 0, [new SimulatedStepBody("one", "succeeded", 1, Given: JsonElement.Parse("""{ "agent": "stoa/markdown-html", "input": { "text": "# Hello" } }"""))], JsonElement.Parse("\"<h1>Hello</h1>\"")),
        s_workflow,
        new ListResponse<WorkflowResponse>([s_workflow]),
        new ResumeWorkflowRunRequest("0.10"),
        new StartWorkflowRunRequest("press-review@3", Input: JsonElement.Parse("""{ "pages": ["# One", "# Two"] }"""), MaxPrice: "0.05"),
        s_workflowRun with { Output = JsonElement.Parse("""{ "sentences": ["One", "Two"] }""") },
        new ListResponse<WorkflowRunResponse>([s_workflowRun]),
        new ListResponse<WorkflowStepBody>([new WorkflowStepBody("each", "succeeded", 0), new WorkflowStepBody("each[0].short", "succeeded", 1, TaskId, "0.000020000")]),
        new SignalWorkflowRunRequest("paid", JsonElement.Parse("""{ "invoice": 17 }""")),
        new AnswerWorkflowRunRequest("release", true, "Looks good."),
        new WorkflowGraphResponse("flowchart TD\n  n_one[\"one<br/>stoa/markdown-html\"]\n  classDef succeeded fill:#d1e7dd,stroke:#146c43\n  class n_one succeeded\n"),
        new CreateTemplateRequest("thumbnail", s_blank, [s_width]),
        s_template,
        new ListResponse<TemplateResponse>([s_template]),
        new SubmitTemplateRequest(new Dictionary<string, JsonElement> { ["width"] = s_width.Default!.Value }),
        new CreateScheduleRequest("30 8 * * MON-FRI", Template: new TemplateCallBody(s_template.Id), TimeZone: "Europe/Berlin", Missed: "runOnce", Overlap: "skip"),
        new UpdateScheduleRequest(Paused: true),
        s_schedule,
        new ListResponse<ScheduleResponse>([s_schedule]),
        s_run,
        new ListResponse<ScheduleRunBody>([s_run]),
        new PutReviewRequest(4, "Fast, but footnotes are missing."),
        new AnswerReviewRequest("They come with 1.1."),
        s_review,
        new ListResponse<ReviewResponse>([s_review with { TaskId = TaskId }]),
        new PaidCallResponse(TaskId, "running", $"/api/v1/calls/{TaskId}"),
        new PutPlanRequest("20", "25", 500_000, 214_748_364_800, "For teams that run agents every day."),
        s_plan,
        new ListResponse<PlanResponse>([s_plan]),
        new PutSubscriptionRequest("pro", Coupon: "k7qd-m2xp-4wsa-q2mz"),
        s_subscription,
        new CreditResponse(
            "acct_01m81g232ce5ztjh482mqvxtvw", "24.500000000", "0.020100001", "24.479899999",
            [new CreditGrantBody("grant_01m81g2r6vf0a1b2c3d4e5f6g7", "plan", "25.000000000", "24.500000000", s_submitted, s_submitted.AddMonths(1))]),
        new CreateCouponRequest(Credit: "5", CreditDays: 90, MaxRedemptions: 1_000, OnlyNew: true, ExpiresAt: s_submitted.AddMonths(3)),
        s_coupon,
        new ListResponse<CouponResponse>([s_coupon]),
        new RedeemCouponRequest("k7qd-m2xp-4wsa-q2mz"),
        new RedemptionResponse("redeem_01m81g2r7vf0a1b2c3d4e5f6g7", s_coupon.Id, s_submitted, Credit: "5.000000000"),
        new OpenDisputeRequest("Another output comes when it is run again."),
        s_dispute,
        new ListResponse<DisputeResponse>([s_dispute]),
        new AgentReviewsResponse([s_review], new RatingBody(1, new Dictionary<string, long> { ["1"] = 0, ["2"] = 0, ["3"] = 0, ["4"] = 1, ["5"] = 0 }, 4)),
        new CreateWebhookRequest("https://example.org/stoa", ["stoa.task.succeeded", "stoa.task.failed"], "ci"),
        new UpdateWebhookRequest(Enabled: true),
        s_webhook,
        new ListResponse<WebhookResponse>([s_webhook with { Secret = null }]),
        s_delivery,
        new ListResponse<WebhookDeliveryResponse>([s_delivery]),
        new CreateMailboxRequest("results", "accounts", ["grace"]),
        s_mailbox,
        new ListResponse<MailboxResponse>([s_mailbox]),
        new SendMessageRequest(JsonElement.Parse("""{"order":17}"""), DedupeKey: "order-17", CorrelationId: "order-17", ReplyTo: "ada/results"),
        new SentMessageResponse(s_message.Id, Duplicate: false),
        new SendMessagesRequest([new SendMessageRequest(JsonElement.Parse("""{"order":18}""")), new SendMessageRequest(Base64: "AAEC", ContentType: "image/png")]),
        new SentMessagesResponse([new SentMessageResponse(s_message.Id, Duplicate: false), new SentMessageResponse("msg_01m81g2f1af0a1b2c3d4e5f6g7", Duplicate: false)]),
        new ReceivedResponse([s_message with { Token = "2f6c1d9e8b7a4c35", HeldUntil = s_submitted.AddSeconds(30) }]),
        new AcknowledgeRequest("2f6c1d9e8b7a4c35"),
        new AcknowledgeManyRequest([new DeliveryMarkBody(s_message.Id, "2f6c1d9e8b7a4c35")]),
        new AcknowledgedResponse(1, []),
        new ExtendDeliveryRequest("2f6c1d9e8b7a4c35", 120),
        new ExtendedResponse(s_submitted.AddSeconds(120)),
        new ReturnDeliveryRequest("2f6c1d9e8b7a4c35", 10),
        new ReturnedResponse(Dead: false),
        s_message,
        new ListResponse<MessageResponse>([s_message with { DeadAt = s_submitted.AddMinutes(5), Deliveries = 5 }]),
        new RedriveRequest([s_message.Id]),
        new RedrivenResponse(1),
        new CreateTopicRequest("news", Subscribers: "anyone"),
        s_topic,
        new ListResponse<TopicResponse>([s_topic]),
        new PublishedResponse(12, 0, 1),
        s_topicSubscription,
        new ListResponse<TopicSubscriptionResponse>([s_topicSubscription]),
        new OpenChannelRequest("stoa", s_channel.PayerKey, s_channel.PayeeKey, "5", 86_400),
        s_channel,
        new ListResponse<ChannelResponse>([s_channel]),
        s_voucher,
        new RaiseDepositRequest("10"),
        new CloseChannelRequest(s_voucher),
        new AgreeOnChannelRequest(s_voucher.Envelope with { PayloadType = "application/vnd.stoa.channel-agreement.v1+json" }),
        new SettleVouchersRequest([new ChannelVoucherBody(s_channel.Id, s_voucher)]),
        new SettlementResponse("net_01m81g2n5zf0a1b2c3d4e5f6g7", "1.250000000", 1, [new SettledVoucherBody(s_channel.Id, "1.250000000")]),
        new AddCreditRequest("25"),
        s_payment,
        new ListResponse<PaymentResponse>([s_payment with { State = "created", Refunded = "0.000000000", Refunds = null, Url = "https://checkout.stripe.com/c/pay/cs_test_a1" }]),
        new RefundPaymentRequest("10"),
        s_refund,
        new LinkResponse("https://billing.stripe.com/p/session/test_a1"),
        new PayoutAccountResponse("acct_1QfXtL2eZvKYlo2C", "onboarding", "https://connect.stripe.com/setup/e/acct_1QfXtL2eZvKYlo2C/a1"),
        new CreatePayoutRequest("120.50"),
        s_payout,
        new ListResponse<PayoutResponse>([s_payout]),
        new NodeResponse(
            "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE…", "0.1.0", "postgres", 4, 70, 25, 5, "eu-central", "live", s_prices),
        s_prices,
        s_listedNode,
        new ListResponse<ListedNodeResponse>([s_listedNode]),
        new NetworkResponse(
            "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
            true,
            ["/ip4/192.0.2.1/tcp/8421/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"],
            ["/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0"],
            12),
        s_peer,
        new ListResponse<PeerResponse>([s_peer]),
        new FoundPeerResponse(s_peer.PeerId, [s_peer.Address], false),
        new ListResponse<FoundPeerResponse>([new FoundPeerResponse(s_peer.PeerId, [s_peer.Address], false)]),
        new PingRequest("/ip4/192.0.2.7/tcp/8421"),
        new PingResponse(s_peer.PeerId, s_peer.Address, [12.31, 11.87, 11.92]),
        s_offer,
        new AddReplicaRequest("stoa/tiny-chat@1.0.0", "http://127.0.0.1:8080/v1", Region: "eu-central", ServingPrice: new ModelPriceBody("0.05", "0.2")),
        new UpdateReplicaRequest(Weight: 200, MaxRequests: 16),
        s_replica,
        new ListResponse<ReplicaResponse>([s_replica]),
        new SetRouteRequest([new RouteTargetBody("stoa/tiny-chat@^1", 9), new RouteTargetBody("stoa/tiny-chat@2.0.0-rc.1", 1)], ["auto:chat"]),
        s_route,
        new ListResponse<RouteResponse>([s_route]),
        new AddSupplierRequest("https://node.example.org", "chan_01h2xcejqtf2nbrexx3vqjhp41", "-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----\n", "1.25"),
        s_supplier,
        new ListResponse<SupplierResponse>([s_supplier]),
        new ProgramQuoteResponse("stoa/image-resize@1.0.0", "0.002605359", s_peer.PeerId),
        s_soldModel,
        new SoldModelsResponse(s_peer.PeerId, [s_soldModel]),
        new ListResponse<OfferResponse>([s_offer]),
        new AddedStatementResponse(OutputDigest, s_peer.PeerId, "listing", "added"),
    }.ToDictionary(example => example.GetType(), example => JsonSerializer.SerializeToNode(example, example.GetType(), StrictJson.Options)!);

    /// <summary>Which contracts have an example.</summary>
    public static IReadOnlyCollection<Type> Types => s_byType.Keys;

    /// <summary>An example of a contract; null when it has none of its own.</summary>
    public static JsonNode? Of(Type type) => s_byType.TryGetValue(type, out var example) ? example.DeepClone() : null;

    /// <summary>An example of a refusal.</summary>
    public static JsonNode Of(ProblemKind kind) => JsonSerializer.SerializeToNode(
        new Problem(kind.Type, kind.Title, kind.Status, kind.Remedy, kind.Code, TraceId: "434e7f7e2cfb9e98ad787d619d5c2db6"), StoaJson.Default.Problem)!;
}
