namespace Stoa.Cli.Tests.Commands;

/// <summary>What the commands of payments and payouts send, and how they show what comes back.</summary>
public sealed class PaymentCommandsTests() : FakeNodeCommandsTest("stoa_test")
{
    private const string Id = "pay_01h2xcejqtf2nbrexx3vqjhp41";

    [Fact]
    public async Task TopUp_ShowsTheAddressAlone()
    {
        Node.On("POST /api/v1/payments/add-credit", 201, Payment("created", url: "https://checkout.stripe.com/c/pay/cs_1"));

        (await Cli.RunAsync("wallet top-up 25")).ShouldBe(ExitCode.Ok, Cli.Error);

        Cli.Output.ShouldBe("https://checkout.stripe.com/c/pay/cs_1\n");
        Cli.Error.ShouldContain($"stoa payment show {Id}");
        Node.SeenOf("POST /api/v1/payments/add-credit").Single().Text.ShouldBe("""{"amount":"25"}""");
    }

    [Fact]
    public async Task TopUp_WhosePaymentsAreOff_SaysWhoCanTurnThemOn()
    {
        Node.On(
            "POST /api/v1/payments/add-credit",
            501,
            """{"type":"/problems/paymentsOff","title":"Payments are off","status":501,"detail":"This node takes and pays no money: it has no key of Stripe.","code":"paymentsOff"}""");

        (await Cli.RunAsync("wallet top-up 25")).ShouldBe(ExitCode.Refused);

        Cli.Error.ShouldContain("it has no key of Stripe");
    }

    [Fact]
    public async Task Open_OfWhatIsNoAddressOfTheWeb_OpensNothing()
    {
        Node.On("POST /api/v1/payments/portal", 200, """{"url":"file:///etc/passwd"}""");

        (await Cli.RunAsync("payment portal --open")).ShouldBe(ExitCode.Ok, Cli.Error);

        Cli.Error.ShouldContain("not opened");
    }

    [Fact]
    public async Task Payment_IsShownWithWhatIsOwedAndItsRefunds()
    {
        Node.On($"GET /api/v1/payments/{Id}", 200, Payment("disputed", disputed: "25.000000000", owed: "20.500000000", refunds: Refund("failed", "Expired card.")));
        Node.On("GET /api/v1/payments", 200, $$"""{"items":[{{Payment("partlyRefunded")}}]}""");

        (await Cli.RunAsync($"payment show {Id}")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Output.ShouldContain("disputed");
        Cli.Output.ShouldContain("$20.50 of what went back");
        Cli.Output.ShouldContain("Expired card.");
        (await Cli.RunAsync("payment list")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Output.ShouldContain("refunded in part");
    }

    [Fact]
    public async Task Refund_ThatStripeRefuses_IsARefusal()
    {
        Node.On($"POST /api/v1/payments/{Id}/refunds", 201, Refund("failed", "Expired card."));

        (await Cli.RunAsync($"payment refund {Id} --amount 10")).ShouldBe(ExitCode.Refused);

        Cli.Output.ShouldContain("failed. Expired card.");
        Node.SeenOf($"POST /api/v1/payments/{Id}/refunds").Single().Text.ShouldBe("""{"amount":"10"}""");
    }

    [Fact]
    public async Task Payout_IsSetUpMadeAndListed()
    {
        const string payout = """{"id":"payout_01h2xcejqtf2nbrexx3vqjhp41","state":"paid","amount":"12.340000000","returned":"0.000000000","createdAt":"2026-01-01T00:00:00.000Z","changedAt":"2026-01-01T00:00:00.000Z"}""";
        Node.On("POST /api/v1/payouts/account", 200, """{"accountId":"acct_1","state":"onboarding","url":"https://connect.stripe.com/setup/e/acct_1"}""");
        Node.On("POST /api/v1/payouts", 201, payout);
        Node.On("GET /api/v1/payouts", 200, $$"""{"items":[{{payout}}]}""");

        (await Cli.RunAsync("payout setup")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Output.ShouldBe("https://connect.stripe.com/setup/e/acct_1\n");
        (await Cli.RunAsync("payout create")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Output.ShouldContain("$12.34");
        Node.SeenOf("POST /api/v1/payouts").Single().Text.ShouldBe("{}");
        (await Cli.RunAsync("payout list")).ShouldBe(ExitCode.Ok, Cli.Error);
        Cli.Output.ShouldContain("paid");
    }

    private static string Payment(string state, string? url = null, string disputed = "0.000000000", string owed = "0.000000000", string? refunds = null) =>
        $$"""{"id":"{{Id}}","state":"{{state}}","amount":"25.000000000","refunded":"0.000000000","disputed":"{{disputed}}","owed":"{{owed}}","createdAt":"2026-01-01T00:00:00.000Z","changedAt":"2026-01-01T00:00:00.000Z"{{(url is null ? "" : $",\"url\":\"{url}\"")}}{{(refunds is null ? "" : $",\"refunds\":[{refunds}]")}}}""";

    private static string Refund(string state, string reason) =>
        $$"""{"id":"refund_01h2xcejqtf2nbrexx3vqjhp41","paymentId":"{{Id}}","state":"{{state}}","amount":"10.000000000","createdAt":"2026-01-01T00:00:00.000Z","changedAt":"2026-01-01T00:00:00.000Z","reason":"{{reason}}"}""";
}
