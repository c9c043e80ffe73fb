using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Plans;

/// <summary>Plans, credit and coupons as an operator and a user see them.</summary>
[Trait("speed", "slow")]
public sealed class PlansEndpointsTests : IAsyncLifetime
{
    private TestNode _node = null!;
    private StoaClient _ada = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(null, "--Http:CouponsPerHour", "6");
        _ada = await _node.JoinAsync("ada");
        await _node.Client.DepositAsync(new DepositRequest("ada", "10"), Stop);
        await _node.Client.PutPlanAsync("basic", new PutPlanRequest("2", "1", 7), Stop);
        await _node.Client.PutPlanAsync("pro", new PutPlanRequest("5", "4", Description: "More."), Stop);
    }

    public async ValueTask DisposeAsync()
    {
        _ada.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Plan_FromTheOfferToItsEnd()
    {
        using var anonymous = new StoaClient(_node.Client.Options with { ApiKey = null });
        (await anonymous.ListPlansAsync(Stop)).Items.Select(plan => (plan.Name, plan.Price, plan.Credit)).ShouldBe([("basic", "2.000000000", "1.000000000"), ("pro", "5.000000000", "4.000000000")]);
        (await anonymous.GetPlanAsync("pro", Stop)).Description.ShouldBe("More.");
        (await Should.ThrowAsync<StoaException>(() => _ada.GetSubscriptionAsync(Stop))).Code.ShouldBe("notSubscribed");

        var made = await _ada.PutSubscriptionAsync(new PutSubscriptionRequest("basic"), Stop);
        (made.State, made.Plan.Name, made.NextPrice, made.PeriodEnd).ShouldBe(("active", "basic", "2.000000000", made.PeriodStart.AddMonths(1)));
        (await _ada.GetQuotaAsync(Stop)).MaxOpenTasks.ShouldBe(7);
        (await _ada.GetWalletAsync(Stop)).Available.ShouldBe("8.000000000");
        (await _ada.PutSubscriptionAsync(new PutSubscriptionRequest("pro"), Stop)).Plan.Name.ShouldBe("pro");
        (await _ada.PutSubscriptionAsync(new PutSubscriptionRequest("basic"), Stop)).NextPlan!.Name.ShouldBe("basic");
        (await _ada.CancelSubscriptionAsync(Stop)).NextPrice.ShouldBeNull();
        (await _ada.ResumeSubscriptionAsync(Stop)).IsCancelled.ShouldBeFalse();

        (await Should.ThrowAsync<StoaException>(() => _ada.PutSubscriptionAsync(new PutSubscriptionRequest("none"), Stop))).Code.ShouldBe("planUnknown");
        (await Should.ThrowAsync<StoaException>(() => _ada.PutPlanAsync("own", new PutPlanRequest("0"), Stop))).Code.ShouldBe("forbidden");
        (await Should.ThrowAsync<StoaException>(() => _node.Client.PutPlanAsync("Pro", new PutPlanRequest("-1"), Stop))).Problem.Errors!.Select(error => error.Pointer).ShouldBe(["/name", "/price"]);
        (await Should.ThrowAsync<StoaException>(() => _node.Client.PutPlanAsync("pro", new PutPlanRequest("five"), Stop))).Code.ShouldBe("requestInvalid");
        await _node.Client.WithdrawPlanAsync("pro", Stop);
        (await Should.ThrowAsync<StoaException>(() => _node.Client.WithdrawPlanAsync("pro", Stop))).Code.ShouldBe("planUnknown");
    }

    [Fact]
    public async Task Task_OfWhoHasCredit_IsPaidByIt()
    {
        await _ada.PutSubscriptionAsync(new PutSubscriptionRequest("pro"), Stop);
        var agent = await TestNode.PublishAsync(_node.Client, "paid", GuestPrograms.Echo, price: new AgentPriceBody("0.25", "0", "0"));

        var task = await _ada.SubmitTextAsync(agent, "hello", new SubmitOptions { Wait = TimeSpan.FromSeconds(60) }, Stop);

        task.State.ShouldBe("succeeded");
        (await _ada.GetWalletAsync(Stop)).Available.ShouldBe("5.000000000");
        var credit = await _ada.GetCreditAsync(Stop);
        (credit.Balance, credit.Held, credit.Grants.Single().Remaining, credit.Grants.Single().Source).ShouldBe(("3.750000000", "0.000000000", "3.750000000", "plan"));
        (await _ada.ListCreditTransfersAsync(Stop).Select(transfer => transfer.Purpose).ToListAsync(Stop)).ShouldBe(["taskCapture", "taskHold", "planCredit"]);
        (await _ada.ListTransfersAsync(Stop).Select(transfer => transfer.Purpose).ToListAsync(Stop)).ShouldBe(["planFee", "deposit"]);
        (await _ada.ListUsageEventsAsync(cancellationToken: Stop).ToListAsync(Stop)).Count.ShouldBe(1, "what credit has paid is usage like any other");
    }

    [Fact]
    public async Task Coupon_FromItsMakingToItsEnd()
    {
        var coupon = await _node.Client.CreateCouponAsync(new CreateCouponRequest(Credit: "3", CreditDays: 30, MaxRedemptions: 10), Stop);
        coupon.Code.ShouldNotBeNull().ShouldStartWith(coupon.Hint[..4]);
        (await _node.Client.ListCouponsAsync(Stop).SingleAsync(Stop)).Code.ShouldBeNull();

        var redeemed = await _ada.RedeemCouponAsync(coupon.Code.ToUpperInvariant().Replace("-", " ", StringComparison.Ordinal), Stop);

        (redeemed.CouponId, redeemed.Credit).ShouldBe((coupon.Id, "3.000000000"));
        (await _ada.GetCreditAsync(Stop)).Available.ShouldBe("3.000000000");
        (await Should.ThrowAsync<StoaException>(() => _ada.RedeemCouponAsync(coupon.Code, Stop))).Code.ShouldBe("couponOver");
        (await _node.Client.WithdrawCouponAsync(coupon.Id, Stop)).Redeemed.ShouldBe(1);
        (await Should.ThrowAsync<StoaException>(() => _ada.RedeemCouponAsync(coupon.Code, Stop))).Code.ShouldBe("couponUnknown");
        (await Should.ThrowAsync<StoaException>(() => _ada.CreateCouponAsync(new CreateCouponRequest(Credit: "1000"), Stop))).Code.ShouldBe("forbidden");
        (await Should.ThrowAsync<StoaException>(() => _node.Client.CreateCouponAsync(new CreateCouponRequest("3", PercentOff: 5), Stop))).Code.ShouldBe("requestInvalid");
        (await Should.ThrowAsync<StoaException>(() => _node.Client.CreateCouponAsync(new CreateCouponRequest(PercentOff: 101), Stop))).Code.ShouldBe("couponInvalid");
    }

    [Fact]
    public async Task Codes_CannotBeTriedOut()
    {
        for (var attempt = 0; attempt < 5; attempt++)
            (await Should.ThrowAsync<StoaException>(() => _ada.RedeemCouponAsync($"gues-gues-gues-gue{attempt}", Stop))).Code.ShouldBe("couponUnknown");
        (await Should.ThrowAsync<StoaException>(() => _ada.PutSubscriptionAsync(new PutSubscriptionRequest("basic", Coupon: "gues-gues-gues-guess"), Stop))).Code.ShouldBe("couponUnknown");

        (await Should.ThrowAsync<StoaException>(() => _ada.RedeemCouponAsync("gues-gues-gues-gue6", Stop))).Code.ShouldBe("rateLimited");
        (await Should.ThrowAsync<StoaException>(() => _ada.PutSubscriptionAsync(new PutSubscriptionRequest("basic", Coupon: "gues-gues-gues-guess"), Stop))).Code.ShouldBe("rateLimited");
        (await _ada.PutSubscriptionAsync(new PutSubscriptionRequest("basic"), Stop)).State.ShouldBe("active");
    }
}
