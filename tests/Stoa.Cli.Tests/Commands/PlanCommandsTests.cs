namespace Stoa.Cli.Tests.Commands;

/// <summary>What the commands of plans and coupons send, and how they show what comes back.</summary>
public sealed class PlanCommandsTests : IAsyncLifetime
{
    private const string Plan =
        """{"id":"plan_01h2xcejqtf2nbrexx3vqjhp41","name":"pro","version":2,"price":"20.000000000","credit":"25.000000000","createdAt":"2026-01-01T00:00:00.000Z","description":"For teams.","maxOpenTasks":500000}""";

    private const string Coupon =
        """{"id":"coupon_01h2xcejqtf2nbrexx3vqjhp41","hint":"k7qd-…","maxRedemptions":1000,"redeemed":12,"perUser":1,"onlyNew":true,"madeBy":"user_01h2xcejqtf2nbrexx3vqjhp41","createdAt":"2026-01-01T00:00:00.000Z","credit":"5.000000000","creditDays":90}""";

    private readonly TestCli _cli = new();
    private FakeNode _node = null!;

    public async ValueTask InitializeAsync()
    {
        _node = await FakeNode.StartAsync();
        _cli.Variables["STOA_ADDRESS"] = _node.Address.ToString();
        _cli.Variables["STOA_KEY"] = "stoa_test";
    }

    public async ValueTask DisposeAsync()
    {
        _cli.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Plans_AreListedSetAndWithdrawn()
    {
        _node.On("GET /api/v1/plans", 200, $$"""{"items":[{{Plan}}]}""");
        _node.On("PUT /api/v1/plans/pro", 200, Plan);
        _node.On("DELETE /api/v1/plans/pro", 204, "");

        (await _cli.RunAsync("plan list")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("$25.00 credit, 500,000 open tasks");
        (await _cli.RunAsync("plan set pro 20 --credit 25 --open-tasks 500k --description Teams")).ShouldBe(ExitCode.Ok, _cli.Error);
        _node.SeenOf("PUT /api/v1/plans/pro").Single().Text.ShouldBe("""{"price":"20","credit":"25","maxOpenTasks":500000,"description":"Teams"}""");
        _cli.Output.ShouldContain("as version 2");
        (await _cli.RunAsync("plan withdraw pro")).ShouldBe(ExitCode.Ok, _cli.Error);
    }

    [Fact]
    public async Task Subscription_IsMadeChangedAndCancelled()
    {
        _node.On("PUT /api/v1/subscription", 200, Subscription("active", false));
        _node.On("DELETE /api/v1/subscription", 200, Subscription("active", true));
        _node.On("POST /api/v1/subscription/resumption", 200, Subscription("active", false));
        _node.On("GET /api/v1/subscription", 200, Subscription("pastDue", false));

        (await _cli.RunAsync("plan subscribe pro --coupon k7qd-m2xp-4wsa-q2mz")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("50 % off pro, for 2 more months");
        (await _cli.RunAsync("plan change pro --version-number 2")).ShouldBe(ExitCode.Ok, _cli.Error);
        _node.SeenOf("PUT /api/v1/subscription").Select(seen => seen.Text).ShouldBe(["""{"plan":"pro","coupon":"k7qd-m2xp-4wsa-q2mz"}""", """{"plan":"pro","version":2}"""]);
        (await _cli.RunAsync("plan cancel")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("it ends");
        (await _cli.RunAsync("plan resume")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("plan show")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("not paid");
    }

    [Theory]
    [InlineData("started", "20.000000000", "Paid $20.00 out of the wallet of acme: you have pro until")]
    [InlineData("started", "0.000000000", "Nothing was to be paid: you have pro until")]
    [InlineData("upgraded", "1.500000000", "Paid $1.50 out of the wallet of acme: you have pro from now on, until")]
    [InlineData("scheduled", "0.000000000", "Nothing was paid: pro holds from")]
    [InlineData("kept", "0.000000000", "Nothing was paid: pro stays as it is")]
    [InlineData("none", "0.000000000", "It was so already: nothing was paid, and nothing has changed.")]
    public async Task Subscription_SaysWhatWasDoneAndPaid(string kind, string paid, string said)
    {
        _node.On("PUT /api/v1/subscription", 200, Subscription("active", false)[..^1] + $$""","change":{"kind":"{{kind}}","paid":"{{paid}}","credit":"25.000000000","wallet":"acme"}""" + "}");

        (await _cli.RunAsync("plan subscribe pro")).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.Output.ShouldContain(said);
        _cli.Output.Contains("with $25.00 of credit to spend on tasks until then", StringComparison.Ordinal).ShouldBe(kind is "started" or "upgraded");
    }

    [Fact]
    public async Task Credit_HasAStatement()
    {
        _node.On(
            "GET /api/v1/credit/transfers",
            200,
            """{"items":[{"id":"xfer_01h2xcejqtf2nbrexx3vqjhp41","kind":"posted","direction":"out","amount":"3.000000000","purpose":"creditExpiry","cause":"grant_01h2xcejqtf2nbrexx3vqjhp41","createdAt":"2026-01-01T00:00:00.000Z"}]}""");

        (await _cli.RunAsync("wallet transfers --credit")).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.Output.ShouldContain("-$3.00\tcreditExpiry\tpaid\tgrant_01h2xcejqtf2nbrexx3vqjhp41");
    }

    [Fact]
    public async Task Dispute_OfATaskThatWasDisputedBefore_SaysSo()
    {
        const string task = "task_01h2xcejqtf2nbrexx3vqjhp41";
        _node.On(
            $"POST /api/v1/tasks/{task}/dispute",
            202,
            $$"""{"id":"disp_01h2xcejqtf2nbrexx3vqjhp41","taskId":"{{task}}","state":"open","reason":"Black.","price":"0.000100050","openedAt":"2026-01-01T00:00:00.000Z","isRepeat":true}""");

        (await _cli.RunAsync(["dispute", "open", task, "Still black."])).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.Error.ShouldContain("It was disputed before: nothing more was held");
    }

    [Fact]
    public async Task Coupons_AreMadeRedeemedListedAndWithdrawn()
    {
        _node.On("POST /api/v1/coupons", 201, Coupon.Replace("\"hint\"", "\"code\":\"k7qd-m2xp-4wsa-q2mz\",\"hint\"", StringComparison.Ordinal));
        _node.On("POST /api/v1/coupons/redemptions", 201, """{"id":"redeem_01h2xcejqtf2nbrexx3vqjhp41","couponId":"coupon_01h2xcejqtf2nbrexx3vqjhp41","redeemedAt":"2026-01-01T00:00:00.000Z","credit":"5.000000000"}""");
        _node.On("GET /api/v1/coupons", 200, $$"""{"items":[{{Coupon}}]}""");
        _node.On("DELETE /api/v1/coupons/coupon_01h2xcejqtf2nbrexx3vqjhp41", 200, Coupon);

        (await _cli.RunAsync("coupon create --credit 5 --days 90 --redemptions 1k --only-new")).ShouldBe(ExitCode.Ok, _cli.Error);
        _node.SeenOf("POST /api/v1/coupons").Single().Text.ShouldBe("""{"credit":"5","creditDays":90,"maxRedemptions":1000,"onlyNew":true}""");
        _cli.Output.ShouldContain("k7qd-m2xp-4wsa-q2mz");
        (await _cli.RunAsync("coupon redeem k7qd-m2xp-4wsa-q2mz")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("$5.00 credit");
        (await _cli.RunAsync("coupon list")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("12 of 1,000");
        (await _cli.RunAsync("coupon withdraw coupon_01h2xcejqtf2nbrexx3vqjhp41")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("coupon withdraw pay_01h2xcejqtf2nbrexx3vqjhp41")).ShouldNotBe(ExitCode.Ok);
    }

    [Fact]
    public async Task Credit_IsShownWithWhenItExpires()
    {
        _node.On(
            "GET /api/v1/credit",
            200,
            """{"accountId":"acct_01h2xcejqtf2nbrexx3vqjhp41","balance":"24.500000000","held":"0.500000000","available":"24.000000000","grants":[{"id":"grant_01h2xcejqtf2nbrexx3vqjhp41","source":"plan","amount":"25.000000000","remaining":"24.500000000","grantedAt":"2026-01-01T00:00:00.000Z"}]}""");
        _node.On(
            "GET /api/v1/payments/uncredited",
            200,
            """{"items":[{"id":"pay_01h2xcejqtf2nbrexx3vqjhp41","state":"paid","amount":"25.000000000","refunded":"0.000000000","disputed":"0.000000000","owed":"0.000000000","createdAt":"2026-01-01T00:00:00.000Z","changedAt":"2026-01-01T00:00:00.000Z"}]}""");

        (await _cli.RunAsync("wallet credit")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("$24.00");
        _cli.Output.ShouldContain("never");
        (await _cli.RunAsync("payment uncredited")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("pay_01h2xcejqtf2nbrexx3vqjhp41");
    }

    private static string Subscription(string state, bool isCancelled) =>
        $$"""{"id":"sub_01h2xcejqtf2nbrexx3vqjhp41","plan":{{Plan}},"state":"{{state}}","periodStart":"2026-01-01T00:00:00.000Z","periodEnd":"2026-02-01T00:00:00.000Z","isCancelled":{{(isCancelled ? "true" : "false")}}{{(isCancelled ? "" : ",\"nextPrice\":\"10.000000000\"")}},"discount":{"couponId":"coupon_01h2xcejqtf2nbrexx3vqjhp41","percent":50,"months":2,"plan":"pro"}{{(state == "pastDue" ? ",\"graceEnds\":\"2026-02-08T00:00:00.000Z\"" : "")}}}""";
}
