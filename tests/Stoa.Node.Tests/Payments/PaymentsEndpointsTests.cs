using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Payments;

/// <summary>Payments and payouts over HTTP: a node on production wiring, and a Stripe on a port of this machine.</summary>
[Trait("speed", "slow")]
public sealed class PaymentsEndpointsTests : IAsyncLifetime
{
    private FakeStripeServer _stripe = null!;
    private TestNode _node = null!;
    private StoaClient _ada = null!;
    private HttpClient _web = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _stripe = await FakeStripeServer.StartAsync();
        _node = await TestNode.StartAsync(null, _stripe.Options);
        _ada = await _node.JoinAsync("ada");
        _web = new HttpClient { BaseAddress = _node.Client.Options.Address };
    }

    public async ValueTask DisposeAsync()
    {
        _web.Dispose();
        _ada.Dispose();
        await _node.DisposeAsync();
        await _stripe.DisposeAsync();
    }

    [Fact]
    public async Task Credit_IsPaidToldOfByWebhooksAndRefunded()
    {
        var begun = await _ada.AddCreditAsync("25", "a-key", Stop);
        begun.State.ShouldBe("created");
        begun.Url!.ShouldStartWith("https://checkout.stripe.com/c/pay/cs_test_");
        (await _ada.AddCreditAsync("25", "a-key", Stop)).Id.ShouldBe(begun.Id);
        _stripe.Stripe.Pay(SessionOf(begun));

        foreach (var told in _stripe.Stripe.Events)
        {
            (await SendAsync(told)).ShouldBe(HttpStatusCode.NoContent);
            (await SendAsync(told)).ShouldBe(HttpStatusCode.NoContent);
        }

        (await WaitAsync(begun.Id, "credited")).Url.ShouldBeNull();
        (await _ada.GetWalletAsync(Stop)).Available.ShouldBe("25.000000000");
        (await _ada.ListTransfersAsync(Stop).ToListAsync(Stop)).Single().ShouldSatisfyAllConditions(
            credit => credit.Purpose.ShouldBe("paymentCredit"), credit => credit.Cause.ShouldBe(begun.Id));

        var refund = await _ada.RefundPaymentAsync(begun.Id, "10", "r-key", Stop);
        (refund.State, refund.Amount).ShouldBe(("succeeded", "10.000000000"));
        (await _ada.RefundPaymentAsync(begun.Id, "10", "r-key", Stop)).Id.ShouldBe(refund.Id);
        var rest = await _node.Client.RefundPaymentAsync(begun.Id, null, null, Stop);
        rest.Amount.ShouldBe("15.000000000", "an administrator may, and all that is left is meant");
        var after = await _ada.GetPaymentAsync(begun.Id, Stop);
        (after.State, after.Refunded, after.Refunds!.Count).ShouldBe(("refunded", "25.000000000", 2));
        (await _ada.GetWalletAsync(Stop)).Available.ShouldBe("0.000000000");
        (await _ada.OpenBillingPortalAsync(Stop)).Url.ShouldStartWith("https://billing.stripe.com/p/session/cus_");
        (await _ada.ListPaymentsAsync(Stop).ToListAsync(Stop)).Select(payment => payment.Id).ShouldBe([begun.Id]);
    }

    [Fact]
    public async Task Payout_GoesToTheCreatorsAccount()
    {
        await _node.Client.DepositAsync(new DepositRequest("ada", "12.345"), Stop);
        var begun = await _node.Client.AddCreditAsync("50", null, Stop);
        _stripe.Stripe.Pay(SessionOf(begun));
        (await RefusedAsync(() => _ada.CreatePayoutAsync(null, null, Stop))).ShouldBe(("payoutAccountMissing", 409));
        (await RefusedAsync(() => _ada.GetPayoutAccountAsync(Stop))).ShouldBe(("payoutAccountMissing", 409));

        var account = await _ada.SetUpPayoutsAsync(Stop);
        account.State.ShouldBe("onboarding");
        account.Url!.ShouldStartWith("https://connect.stripe.com/setup/e/acct_");
        (await RefusedAsync(() => _ada.CreatePayoutAsync(null, null, Stop))).ShouldBe(("payoutAccountNotReady", 409));
        _stripe.Stripe.Onboard(account.AccountId);
        foreach (var told in _stripe.Stripe.Events)
            await SendAsync(told);
        await Eventually.IsSoAsync(async () => (await _ada.GetPayoutAccountAsync(Stop)).State == "active");
        var payout = await _ada.CreatePayoutAsync(null, "p-key", Stop);

        (payout.State, payout.Amount).ShouldBe(("paid", "12.340000000"));
        (await _ada.CreatePayoutAsync(null, "p-key", Stop)).Id.ShouldBe(payout.Id);
        (await _ada.GetWalletAsync(Stop)).Available.ShouldBe("0.005000000");
        (await _ada.GetPayoutAsync(payout.Id, Stop)).State.ShouldBe("paid");
        (await _ada.ListPayoutsAsync(Stop).ToListAsync(Stop)).Count.ShouldBe(1);
        _stripe.Stripe.All("transfer").Count.ShouldBe(1);
        (await RefusedAsync(() => _node.Client.GetPayoutAsync("payout_01h2xcejqtf2nbrexx3vqjhp41", Stop))).ShouldBe(("payoutUnknown", 404));
        (await RefusedAsync(() => _ada.CreatePayoutAsync("0.50", null, Stop))).ShouldBe(("payoutBelowMinimum", 422));
    }

    [Fact]
    public async Task Requests_ThatMayNotBe_AreRefusedWithTheReason()
    {
        using var eve = await _node.JoinAsync("eve");
        var begun = await _ada.AddCreditAsync("25", null, Stop);

        (await RefusedAsync(() => eve.GetPaymentAsync(begun.Id, Stop))).ShouldBe(("paymentUnknown", 404));
        (await RefusedAsync(() => eve.RefundPaymentAsync(begun.Id, null, null, Stop))).ShouldBe(("paymentUnknown", 404));
        (await RefusedAsync(() => _ada.RefundPaymentAsync(begun.Id, null, null, Stop))).ShouldBe(("paymentNotRefundable", 409));
        (await RefusedAsync(() => _ada.AddCreditAsync("1.001", null, Stop))).ShouldBe(("amountNotWholeCents", 422));
        (await RefusedAsync(() => _ada.AddCreditAsync("0.99", null, Stop))).ShouldBe(("amountOutOfRange", 422));
        (await RefusedAsync(() => _ada.AddCreditAsync("10000.01", null, Stop))).ShouldBe(("amountOutOfRange", 422));
        (await RefusedAsync(() => _ada.AddCreditAsync("-5", null, Stop))).ShouldBe(("amountOutOfRange", 422));
        (await RefusedAsync(() => _ada.AddCreditAsync("much", null, Stop))).ShouldBe(("requestInvalid", 400));
        (await RefusedAsync(() => eve.OpenBillingPortalAsync(Stop))).ShouldBe(("customerUnknown", 409));
        using var euros = new HttpRequestMessage(HttpMethod.Post, "/api/v1/payments/add-credit") { Content = new StringContent("""{"amount":"5","currency":"eur"}""", Encoding.UTF8, "application/json") };
        euros.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _ada.Options.ApiKey);
        using var refused = await _web.SendAsync(euros, Stop);
        (await RunningNode.ReadProblemAsync(refused)).Code.ShouldBe("currencyUnsupported");
    }

    [Theory]
    [InlineData("none", "stripeSignatureInvalid")]
    [InlineData("other secret", "stripeSignatureInvalid")]
    [InlineData("old", "stripeSignatureInvalid")]
    [InlineData("changed", "stripeSignatureInvalid")]
    [InlineData("no event", "stripeEventInvalid")]
    [InlineData("no json", "stripeEventInvalid")]
    public async Task Webhook_ThatStripeDidNotSend_IsRefusedAndChangesNothing(string what, string code)
    {
        var begun = await _ada.AddCreditAsync("25", null, Stop);
        _stripe.Stripe.Pay(SessionOf(begun));
        var good = _stripe.Stripe.Events[0].ToJsonString();
        var body = what switch { "no event" => """{"id":"x","type":"y","object":"charge","data":{"object":{}}}""", "no json" => "}", _ => good };
        var now = DateTimeOffset.UtcNow;
        var signature = what switch
        {
            "none" => null,
            "other secret" => FakeStripeServer.Sign(body, now, "whsec_somebodyElses"),
            "old" => FakeStripeServer.Sign(body, now.AddMinutes(-6)),
            "changed" => FakeStripeServer.Sign(body + " ", now),
            _ => FakeStripeServer.Sign(body, now),
        };

        using var answer = await PostAsync(body, signature);

        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await RunningNode.ReadProblemAsync(answer)).Code.ShouldBe(code);
        (await _ada.GetPaymentAsync(begun.Id, Stop)).State.ShouldBe("created");
    }

    [Fact]
    public async Task Webhook_ThatIsTooLarge_IsRefused()
    {
        var body = "{\"id\":\"" + new string('x', 300_000) + "\"}";

        using var answer = await PostAsync(body, FakeStripeServer.Sign(body, DateTimeOffset.UtcNow));

        (await RunningNode.ReadProblemAsync(answer)).Code.ShouldBe("payloadTooLarge");
    }

    [Fact]
    public async Task Webhook_OfWhatNobodyKnows_IsTaken()
    {
        foreach (var type in new[] { "charge.dispute.created", "transfer.reversed", "account.updated", "invoice.paid", "checkout.session.completed", "payment_intent.succeeded" })
        {
            var told = new JsonObject
            {
                ["id"] = "evt_" + type,
                ["object"] = "event",
                ["type"] = type,
                ["data"] = new JsonObject { ["object"] = new JsonObject { ["id"] = "x_1", ["payment_intent"] = "pi_nobodys", ["client_reference_id"] = null } },
            };
            (await SendAsync(told)).ShouldBe(HttpStatusCode.NoContent, type);
        }
    }

    [Fact]
    public async Task Stripe_ThatIsAway_IsToldAndThePaymentGoesOnLater()
    {
        await _stripe.DisposeAsync();

        (await RefusedAsync(() => _ada.AddCreditAsync("25", null, Stop))).ShouldBe(("stripeUnavailable", 503));

        (await _node.Client.GetNodeAsync(Stop)).Payments.ShouldBe("test");
    }

    [Fact]
    public async Task Payments_WithoutAKey_AreOffAndEveryEndpointSaysSo()
    {
        await using var off = await TestNode.StartAsync();
        using var client = new StoaClient(off.Client.Options with { MaxAttempts = 1 });
        Func<Task>[] calls =
        [
            () => client.AddCreditAsync("25", null, Stop),
            async () => await client.ListPaymentsAsync(Stop).ToListAsync(Stop),
            () => client.GetPaymentAsync("pay_01h2xcejqtf2nbrexx3vqjhp41", Stop),
            () => client.RefundPaymentAsync("pay_01h2xcejqtf2nbrexx3vqjhp41", null, null, Stop),
            () => client.OpenBillingPortalAsync(Stop),
            () => client.SetUpPayoutsAsync(Stop),
            () => client.GetPayoutAccountAsync(Stop),
            () => client.CreatePayoutAsync(null, null, Stop),
            async () => await client.ListPayoutsAsync(Stop).ToListAsync(Stop),
            () => client.GetPayoutAsync("payout_01h2xcejqtf2nbrexx3vqjhp41", Stop),
        ];
        foreach (var call in calls)
            (await RefusedAsync(call)).ShouldBe(("paymentsOff", 501));

        using var content = new StringContent("{}", Encoding.UTF8, "application/json");
        using var direct = new HttpClient { BaseAddress = off.Client.Options.Address };
        using var webhook = await direct.PostAsync("/api/v1/payments/stripe/webhook", content, Stop);
        (await RunningNode.ReadProblemAsync(webhook)).Code.ShouldBe("paymentsOff");
        (await client.GetNodeAsync(Stop)).Payments.ShouldBe("off");
    }

    [Fact]
    public async Task Log_OfAllThatHappens_HoldsNoSecret()
    {
        var log = Path.GetTempFileName();
        await using (var told = await TestNode.StartAsync(null, [.. _stripe.Options, "--Observability:LogFile", log, "--Observability:LogLevel", "trace"]))
        await using (var wrong = await TestNode.StartAsync(null, [.. _stripe.Options, "--Payments:StripeKey", "sk_test_aWrongKeyOfTheTests", "--Observability:LogFile", log + ".wrong", "--Observability:LogLevel", "trace"]))
        {
            using var client = new StoaClient(wrong.Client.Options with { MaxAttempts = 1 });
            await told.Client.AddCreditAsync("25", null, Stop);
            (await RefusedAsync(() => client.AddCreditAsync("25", null, Stop))).ShouldBe(("stripeUnavailable", 503));
            using var direct = new HttpClient { BaseAddress = told.Client.Options.Address };
            using var content = new StringContent("{}", Encoding.UTF8, "application/json");
            using var refused = await direct.PostAsync("/api/v1/payments/stripe/webhook", content, Stop);
        }

        var text = await File.ReadAllTextAsync(log, Stop) + await File.ReadAllTextAsync(log + ".wrong", Stop);
        File.Delete(log);
        File.Delete(log + ".wrong");
        text.ShouldNotBeEmpty();
        foreach (var secret in new[] { FakeStripe.Key, FakeStripe.WebhookSecret, "aWrongKeyOfTheTests" })
            text.ShouldNotContain(secret);
    }

    private static string SessionOf(PaymentResponse payment) => payment.Url!.Split('/')[^1];

    private async Task<HttpStatusCode> SendAsync(JsonObject told)
    {
        var body = told.ToJsonString();
        using var answer = await PostAsync(body, FakeStripeServer.Sign(body, DateTimeOffset.UtcNow));
        return answer.StatusCode;
    }

    private async Task<HttpResponseMessage> PostAsync(string body, string? signature)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/payments/stripe/webhook") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        if (signature is not null)
            request.Headers.Add("Stripe-Signature", signature);
        return await _web.SendAsync(request, Stop);
    }

    /// <summary>The payment, once an event of its user has told that it is so far.</summary>
    private async Task<PaymentResponse> WaitAsync(string id, string state)
    {
        await Eventually.IsSoAsync(async () => (await _ada.GetPaymentAsync(id, Stop)).State == state);
        return await _ada.GetPaymentAsync(id, Stop);
    }

    private static async Task<(string Code, int Status)> RefusedAsync(Func<Task> act)
    {
        var refused = await Should.ThrowAsync<StoaException>(act);
        return (refused.Code!, refused.Problem!.Status);
    }
}
