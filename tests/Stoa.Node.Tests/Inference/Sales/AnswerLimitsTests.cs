using System.Net;
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
        await using var node = await SellingNode.StartAsync("--PayPerCall:AnswersPerMinuteOfChannel", "1");
        using var buyer = await node.OpenChannelAsync();

        await buyer.ReadAsync(await buyer.AskAsync(node.Inference.Chat(), s_voucher));

        (await AnswerBuyer.RefusalAsync(await UntilLimitedAsync(() => buyer.AskAsync(node.Inference.Chat(), s_voucher)))).ShouldBe((HttpStatusCode.TooManyRequests, "rateLimited"));
    }

    [Fact]
    public async Task LongBody_OfWhoDoesNotPay_IsNotReadAgainAndAgain()
    {
        await using var node = await SellingNode.StartAsync();
        using var buyer = await node.OpenChannelAsync();
        var longer = node.Inference.Chat(content: string.Join(' ', Enumerable.Repeat("word", 10_000)));
        var demanded = AnswerBuyer.Demanded(await buyer.AskAsync(longer, new Money(1)));
        // Each pays a nanodollar more, so that each is looked at.
        for (var more = 2; more <= 50; more++)
        {
            using var unpaid = await buyer.AskAsync(longer, new Money(more));
            if (unpaid.StatusCode is HttpStatusCode.TooManyRequests)
            {
                (await AnswerBuyer.RefusalAsync(unpaid)).Code.ShouldBe("answersTooMany");
                break;
            }

            more.ShouldBeLessThan(50);
            demanded = AnswerBuyer.Demanded(unpaid);
        }

        // Whoever pays what was demanded is answered at once.
        await buyer.ReadAsync(await buyer.AskAsync(longer, Money.Parse(demanded.Extra!.Cumulative!)));
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
