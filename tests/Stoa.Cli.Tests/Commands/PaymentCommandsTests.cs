namespace Stoa.Cli.Tests.Commands;

/// <summary>What the commands of payments and payouts send, and how they show what comes back.</summary>
public sealed class PaymentCommandsTests : IAsyncLifetime
{
    private const string Id = "pay_01h2xcejqtf2nbrexx3vqjhp41";

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
    public async Task TopUp_ShowsTheAddressAlone()
    {
        _node.On("POST /api/v1/payments/add-credit", 201, Payment("created", url: "https://checkout.stripe.com/c/pay/cs_1"));

        (await _cli.RunAsync("wallet top-up 25")).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.Output.ShouldBe("https://checkout.stripe.com/c/pay/cs_1\n");
        _cli.Error.ShouldContain($"stoa payment show {Id}");
        _node.SeenOf("POST /api/v1/payments/add-credit").Single().Text.ShouldBe("""{"amount":"25"}""");
    }

    [Fact]
    public async Task TopUp_WhosePaymentsAreOff_SaysWhoCanTurnThemOn()
    {
        _node.On(
            "POST /api/v1/payments/add-credit",
            501,
            """{"type":"/problems/paymentsOff","title":"Payments are off","status":501,"detail":"This node takes and pays no money: it has no key of Stripe.","code":"paymentsOff"}""");

        (await _cli.RunAsync("wallet top-up 25")).ShouldBe(ExitCode.Refused);

        _cli.Error.ShouldContain("it has no key of Stripe");
    }

    [Fact]
    public async Task Open_OfWhatIsNoAddressOfTheWeb_OpensNothing()
    {
        _node.On("POST /api/v1/payments/portal", 200, """{"url":"file:///etc/passwd"}""");

        (await _cli.RunAsync("payment portal --open")).ShouldBe(ExitCode.Ok, _cli.Error);

        _cli.Error.ShouldContain("not opened");
    }

    [Fact]
    public async Task Payment_IsShownWithWhatIsOwedAndItsRefunds()
    {
        _node.On($"GET /api/v1/payments/{Id}", 200, Payment("disputed", disputed: "25.000000000", owed: "20.500000000", refunds: Refund("failed", "Expired card.")));
        _node.On("GET /api/v1/payments", 200, $$"""{"items":[{{Payment("partlyRefunded")}}]}""");

        (await _cli.RunAsync($"payment show {Id}")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("disputed");
        _cli.Output.ShouldContain("$20.50 of what went back");
        _cli.Output.ShouldContain("Expired card.");
        (await _cli.RunAsync("payment list")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("refunded in part");
    }

    [Fact]
    public async Task Refund_ThatStripeRefuses_IsARefusal()
    {
        _node.On($"POST /api/v1/payments/{Id}/refunds", 201, Refund("failed", "Expired card."));

        (await _cli.RunAsync($"payment refund {Id} --amount 10")).ShouldBe(ExitCode.Refused);

        _cli.Output.ShouldContain("failed. Expired card.");
        _node.SeenOf($"POST /api/v1/payments/{Id}/refunds").Single().Text.ShouldBe("""{"amount":"10"}""");
    }

    [Fact]
    public async Task Payout_IsSetUpMadeAndListed()
    {
        const string payout = """{"id":"payout_01h2xcejqtf2nbrexx3vqjhp41","state":"paid","amount":"12.340000000","returned":"0.000000000","createdAt":"2026-01-01T00:00:00.000Z","changedAt":"2026-01-01T00:00:00.000Z"}""";
        _node.On("POST /api/v1/payouts/account", 200, """{"accountId":"acct_1","state":"onboarding","url":"https://connect.stripe.com/setup/e/acct_1"}""");
        _node.On("POST /api/v1/payouts", 201, payout);
        _node.On("GET /api/v1/payouts", 200, $$"""{"items":[{{payout}}]}""");

        (await _cli.RunAsync("payout setup")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldBe("https://connect.stripe.com/setup/e/acct_1\n");
        (await _cli.RunAsync("payout create")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("$12.34");
        _node.SeenOf("POST /api/v1/payouts").Single().Text.ShouldBe("{}");
        (await _cli.RunAsync("payout list")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("paid");
    }

    private static string Payment(string state, string? url = null, string disputed = "0.000000000", string owed = "0.000000000", string? refunds = null) =>
        $$"""{"id":"{{Id}}","state":"{{state}}","amount":"25.000000000","refunded":"0.000000000","disputed":"{{disputed}}","owed":"{{owed}}","createdAt":"2026-01-01T00:00:00.000Z","changedAt":"2026-01-01T00:00:00.000Z"{{(url is null ? "" : $",\"url\":\"{url}\"")}}{{(refunds is null ? "" : $",\"refunds\":[{refunds}]")}}}""";

    private static string Refund(string state, string reason) =>
        $$"""{"id":"refund_01h2xcejqtf2nbrexx3vqjhp41","paymentId":"{{Id}}","state":"{{state}}","amount":"10.000000000","createdAt":"2026-01-01T00:00:00.000Z","changedAt":"2026-01-01T00:00:00.000Z","reason":"{{reason}}"}""";
}
