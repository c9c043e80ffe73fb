using System.Net;
using Stoa.Node.Inference.Gateway;
using Stoa.Node.Inference.Sales;
using Stoa.Node.Tests.Hosting;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Sales;

/// <summary>What strangers and payers may cost a node that sells answers.</summary>
[Trait("speed", "slow")]
public sealed class AnswerLimitsTests
{
    private static readonly Money s_voucher = Money.FromDollars(0.05m);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Strangers_OfOneAddress_AreRefusedUnlookedAt_AndPayersAreNot()
    {
        await using var node = await SellingNode.StartAsync("--PayPerCall:RefusedAnswersPerMinute", "3");
        using var other = PrivateKey.Generate();
        using var buyer = await node.OpenChannelAsync();
        var answered = 0;

        for (var round = 0; round < 3; round++)
        {
            var forged = buyer.Order(node.Inference.Chat(), s_voucher);
            forged.Key = other;
            (await AnswerBuyer.RefusalAsync(await buyer.SendAsync(forged.Sign()))).Code.ShouldBe("signatureInvalid");
            if (round < 2)
                answered += (await buyer.AskAsync(node.Inference.Chat(), s_voucher)).StatusCode is HttpStatusCode.OK ? 1 : 0;
        }

        answered.ShouldBe(2, "who is known to pay uses up nothing of it");
        var late = await UntilLimitedAsync(() => buyer.AskForPriceAsync(node.Inference.Chat()));
        late.Headers.RetryAfter.ShouldNotBeNull();
        (await AnswerBuyer.RefusalAsync(late)).ShouldBe((HttpStatusCode.TooManyRequests, "rateLimited"));
    }

    [Fact]
    public async Task Channel_WithTooManyRequestsUnderWay_IsRefused_AndOthersAreNot()
    {
        await using var node = await SellingNode.StartAsync("--PayPerCall:MaxAnswersOfChannel", "2");
        var gate = new TaskCompletionSource();
        node.Server.Behaviour = async call =>
        {
            await gate.Task;
            await call.AnswerAsync("Hello there");
        };
        using var buyer = await node.OpenChannelAsync();
        using var other = await node.OpenChannelAsync();
        var underWay = Enumerable.Range(0, 2).Select(_ => buyer.AskAsync(node.Inference.Chat(), s_voucher)).ToList();
        await Eventually.IsSoAsync(() => node.Server.Requests.Count == 2);

        (await AnswerBuyer.RefusalAsync(await buyer.AskAsync(node.Inference.Chat(), s_voucher))).ShouldBe((HttpStatusCode.TooManyRequests, "answersTooMany"));
        underWay.Add(other.AskAsync(node.Inference.Chat(), s_voucher));
        await Eventually.IsSoAsync(() => node.Server.Requests.Count == 3);

        gate.SetResult();
        foreach (var answer in underWay)
            (await answer).StatusCode.ShouldBe(HttpStatusCode.OK);
        await buyer.ReadAsync(await buyer.AskAsync(node.Inference.Chat(), s_voucher));
    }

    [Fact]
    public async Task Channel_ThatAsksTooOften_IsRefused()
    {
        await using var node = await SellingNode.StartAsync(new StoppedWatch(), "--PayPerCall:AnswersPerMinuteOfChannel", "1");
        using var buyer = await node.OpenChannelAsync();

        await buyer.ReadAsync(await buyer.AskAsync(node.Inference.Chat(), s_voucher));

        (await AnswerBuyer.RefusalAsync(await UntilLimitedAsync(() => buyer.AskAsync(node.Inference.Chat(), s_voucher)))).ShouldBe((HttpStatusCode.TooManyRequests, "rateLimited"));
    }

    [Fact]
    public async Task LongBody_OfWhoDoesNotPay_IsNotReadAgainAndAgain()
    {
        await using var node = await SellingNode.StartAsync(new StoppedWatch());
        using var buyer = await node.OpenChannelAsync();
        var longer = node.Inference.Chat(content: string.Join(' ', Enumerable.Repeat("word", 10_000)));
        var demanded = AnswerBuyer.Demanded(await buyer.AskAsync(longer, new Money(1)));
        // Each pays a nanodollar more, so that each is looked at.
        for (var more = 2; more <= 10; more++)
        {
            using var unpaid = await buyer.AskAsync(longer, new Money(more));
            if (unpaid.StatusCode is HttpStatusCode.TooManyRequests)
            {
                (await AnswerBuyer.RefusalAsync(unpaid)).Code.ShouldBe("answersTooMany");
                break;
            }

            more.ShouldBeLessThan(10);
            demanded = AnswerBuyer.Demanded(unpaid);
        }

        // Whoever pays what was demanded is answered at once.
        await buyer.ReadAsync(await buyer.AskAsync(longer, Money.Parse(demanded.Extra!.Cumulative!)));
    }

    [Fact]
    public async Task Requests_ThatEndUnpaid_AreFewInAMinute_WhateverTheCause()
    {
        await using var node = await SellingNode.StartAsync(new StoppedWatch(), "--PayPerCall:UnpaidAnswersPerMinuteOfChannel", "4");
        using var buyer = await node.OpenChannelAsync();
        using var other = await node.OpenChannelAsync();
        await buyer.ReadAsync(await buyer.AskAsync(node.Inference.Chat(), s_voucher));
        var again = buyer.Order(node.Inference.Chat(), s_voucher);
        await buyer.ReadAsync(await buyer.SendAsync(again.Sign()));

        await IsRefusedAsync(buyer.SendAsync(again.Sign()), "requestReplayed");
        await IsRefusedAsync(buyer.SendAsync(buyer.Order(node.Inference.Chat(), s_voucher).Sign(request => request.Content = new ByteArrayContent("{}"u8.ToArray()))), "signatureInvalid");
        await IsRefusedAsync(buyer.AskAsync(new { nothing = 1 }, s_voucher), "requestInvalid");
        await IsRefusedAsync(buyer.AskAsync(node.Inference.Chat("nobody/has@1.0.0"), s_voucher), "modelNotSold");

        var limited = await buyer.AskAsync(node.Inference.Chat(), s_voucher);
        limited.Headers.RetryAfter.ShouldNotBeNull();
        (await AnswerBuyer.RefusalAsync(limited)).ShouldBe((HttpStatusCode.TooManyRequests, "rateLimited"));
        node.Server.Requests.Count.ShouldBe(2);
        await other.ReadAsync(await other.AskAsync(node.Inference.Chat(), s_voucher));

        static async Task IsRefusedAsync(Task<HttpResponseMessage> answer, string code) => (await AnswerBuyer.RefusalAsync(await answer)).Code.ShouldBe(code);
    }

    [Fact]
    public async Task LongBody_ThatComesAgain_IsNotRead()
    {
        await using var node = await SellingNode.StartAsync();
        using var buyer = await node.OpenChannelAsync();
        var order = buyer.Order(node.Inference.Chat(content: new string('x', AnswerSales.MaxUnpaidBytes)), s_voucher);
        await buyer.ReadAsync(await buyer.SendAsync(order.Sign()));

        // Of another body, which would be told if it were read.
        (await AnswerBuyer.RefusalAsync(await buyer.SendAsync(order.Sign(request => request.Content = new ByteArrayContent(new byte[order.Body.Length]))))).Code.ShouldBe("requestReplayed");
    }

    [Fact]
    public async Task Demand_AsksNotOnceMoreForWhatIsHeldAndFree()
    {
        // Nothing is settled meanwhile.
        await using var node = await SellingNode.StartAsync("--Inference:SettleMs", "60000");
        using var buyer = await node.OpenChannelAsync();
        var most = Money.Parse(AnswerBuyer.Demanded(await buyer.AskForPriceAsync(node.Inference.Chat())).Amount);
        var (_, receipt) = await buyer.ReadAsync(await buyer.AskAsync(node.Inference.Chat(), most));

        var demanded = AnswerBuyer.Demanded(await buyer.AskAsync(node.Inference.Chat(), most));

        Money.Parse(demanded.Extra!.Cumulative!).ShouldBe(receipt.Price + Money.Parse(demanded.Amount));
        await buyer.ReadAsync(await buyer.AskAsync(node.Inference.Chat(), Money.Parse(demanded.Extra.Cumulative!)));
    }

    [Fact]
    public async Task Answers_ThatAreNotRead_CountForTheirBuyer_UntilTheyAre()
    {
        await using var node = await SellingNode.StartAsync("--Inference:MaxRequestBytes", "1048576", "--Inference:MaxHeldBytesOfAccount", $"{24 << 20}", "--Inference:IdleMs", "3600000");
        node.Server.Behaviour = call => call.AnswerAsync(new string('x', 20 << 20));
        using var buyer = await node.OpenChannelAsync();
        var bodies = node.Service<HeldBodies>();
        var unread = await buyer.AskAsync(node.Inference.Chat(), s_voucher);
        unread.StatusCode.ShouldBe(HttpStatusCode.OK);
        bodies.Bytes.ShouldBeGreaterThan(20 << 20);

        (await AnswerBuyer.RefusalAsync(await buyer.AskAsync(node.Inference.Chat(), s_voucher))).ShouldBe((HttpStatusCode.TooManyRequests, "answersTooMany"));

        await buyer.ReadAsync(unread);
        await Eventually.IsSoAsync(() => bodies.Bytes == 0);
        await buyer.ReadAsync(await buyer.AskAsync(node.Inference.Chat(), s_voucher));
    }

    [Fact]
    public async Task Answer_ThatNobodyTakes_IsNotWaitedFor()
    {
        await using var node = await SellingNode.StartAsync("--Inference:IdleMs", "500");
        node.Server.Behaviour = call => call.AnswerAsync(new string('x', 32 << 20));
        using var buyer = await node.OpenChannelAsync();
        var unread = await buyer.AskAsync(node.Inference.Chat(), s_voucher);
        unread.StatusCode.ShouldBe(HttpStatusCode.OK);

        await Eventually.IsSoAsync(() => node.Service<HeldBodies>().Bytes == 0);

        await Should.ThrowAsync<Exception>(async () => await buyer.ReadAsync(unread));
        (await node.SpentAsync(buyer)).ShouldBeGreaterThan(Money.Zero);
    }

    [Fact]
    public async Task Node_ThatSellsNothing_SaysSo()
    {
        await using var silent = await SellingNode.StartAsync("--PayPerCall:Models", "false");
        using var buyer = await silent.OpenChannelAsync();

        (await AnswerBuyer.RefusalAsync(await buyer.AskAsync(silent.Inference.Chat(), s_voucher))).ShouldBe((HttpStatusCode.NotFound, "callsNotSold"));
        using var http = new HttpClient { BaseAddress = silent.Node.Client.Options.Address };
        (await AnswerBuyer.RefusalAsync(await http.GetAsync(new Uri("/api/v1/model-calls/models", UriKind.Relative), Stop))).ShouldBe((HttpStatusCode.NotFound, "callsNotSold"));
    }

    /// <summary>Asks until it is too often: a slow machine gets some of the minute back meanwhile.</summary>
    private static async Task<HttpResponseMessage> UntilLimitedAsync(Func<Task<HttpResponseMessage>> ask)
    {
        HttpResponseMessage answer = null!;
        await Eventually.IsSoAsync(async () => (answer = await ask()).StatusCode is HttpStatusCode.TooManyRequests);
        return answer;
    }
}
