using System.Net;
using System.Text.Json;
using Stoa.Client;
using Stoa.Market.Channels;
using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Node.Tests.Hosting;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Sales;

/// <summary>Answers of models are sold to whoever has a channel, each paid for once and sworn to, on production wiring over HTTP.</summary>
[Trait("speed", "slow")]
public sealed class AnswerSalesTests : IAsyncLifetime
{
    // Seven tokens read and two written, at 1 and 2 dollars a million.
    private static readonly Money s_price = new(11_000);
    private static readonly Money s_voucher = Money.FromDollars(0.05m);

    private readonly ShiftableTime _clock = new();
    private SellingNode _node = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _node = await SellingNode.StartAsync(_clock, "--Channels:PollMs", "50", "--Channels:MinChallengeWindowSeconds", "1");

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task List_SaysWhatIsSold_AndForHowMuch()
    {
        await _node.Inference.PublishAsync("1.0.0", "gratis", isFree: true);
        await _node.Inference.RegisterAsync(_node.Server, $"{_node.Inference.Publisher}/gratis@1.0.0");
        using var anonymous = new StoaClient(_node.Node.Client.Options with { ApiKey = null, MaxAttempts = 1 });

        var sold = await anonymous.ListSoldModelsAsync(Stop);

        sold.Node.ShouldBe((await anonymous.GetNodeAsync(Stop)).PeerId);
        var model = sold.Items.ShouldHaveSingleItem("what costs nothing is not sold");
        model.Model.ShouldBe(_node.Inference.Model);
        (model.InputPrice, model.OutputPrice, model.ContextLength, model.TokensPerSecond).ShouldBe(("1.000000000", "2.000000000", 8192, null));
        model.Capabilities.ShouldBe(["chat"]);
        model.Weights.ShouldBe(ContentHash.Of("weights"u8).ToString());
        PeerId.TryParse(model.Publisher, out _).ShouldBeTrue();
    }

    [Fact]
    public async Task Request_WithoutAPayment_IsToldWhatItCosts()
    {
        using var buyer = await _node.OpenChannelAsync();

        var demanded = AnswerBuyer.Demanded(await buyer.AskForPriceAsync(_node.Inference.Chat()));

        (demanded.Scheme, demanded.PayTo, demanded.Extra!.Cumulative).ShouldBe(("stoa-channel", "till", null));
        // 50 tokens at most are written, and the prompt may have twice what was counted, and what a chat template adds.
        Money.Parse(demanded.Amount).ShouldBeInRange(new Money(100_000), new Money(200_000));
        (await AnswerBuyer.RefusalAsync(await buyer.AskForPriceAsync(_node.Inference.Chat(content: new string('x', 20_000))))).ShouldBe((HttpStatusCode.RequestEntityTooLarge, "payloadTooLarge"));
        _node.Server.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Answer_ThatIsWhole_IsPaidForAndSwornTo()
    {
        using var buyer = await _node.OpenChannelAsync();
        var order = buyer.Order(_node.Inference.Chat(), s_voucher);

        var (answer, receipt) = await buyer.ReadAsync(await buyer.SendAsync(order.Sign()));

        answer["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("Hello there");
        (receipt.Model, receipt.Request, receipt.Tokens, receipt.Price, receipt.Ask).ShouldBe(
            (ListingName.Parse(_node.Inference.Model), ContentHash.Of(order.Body), new TokenUsage(7, 2), s_price, null));
        (await _node.SpentAsync(buyer)).ShouldBe(s_price);
        // How fast it was is known to whoever looks.
        using var anonymous = new StoaClient(_node.Node.Client.Options with { ApiKey = null, MaxAttempts = 1 });
        await Eventually.IsSoAsync(async () => (await anonymous.ListSoldModelsAsync(Stop)).Items[0].TokensPerSecond > 0);
        (await InferenceNode.ReadAsync(await _node.Inference.Http.GetAsync(new Uri("/v1/models", UriKind.Relative), Stop)))["data"]![0]!["tokens_per_second"]!.GetValue<double>().ShouldBeGreaterThan(0);
        // The voucher is paid as a whole, and what is over is credit: the next request needs no other one.
        (await buyer.ReadAsync(await buyer.AskAsync(_node.Inference.Chat(), s_voucher))).Receipt.Price.ShouldBe(s_price);
        (await _node.SpentAsync(buyer)).ShouldBe(s_price + s_price);
    }

    [Fact]
    public async Task Answer_ThatIsAStream_IsSwornToBeforeItsLastEvent()
    {
        using var buyer = await _node.OpenChannelAsync();

        var (events, receipt) = await buyer.ReadEventsAsync(await buyer.AskAsync(_node.Inference.Chat(stream: true, wantsUsage: true), s_voucher));

        InferenceNode.TextOf(events).ShouldBe("Hello there ");
        (receipt.Tokens, receipt.Price).ShouldBe((new TokenUsage(7, 2), s_price));
        (await _node.SpentAsync(buyer)).ShouldBe(s_price);
    }

    [Fact]
    public async Task Vectors_ArePaidForAndSwornTo()
    {
        await _node.Inference.PublishAsync("1.0.0", "vectors", capability: "embeddings");
        await _node.Inference.RegisterAsync(_node.Server, $"{_node.Inference.Publisher}/vectors@1.0.0");
        using var buyer = await _node.OpenChannelAsync();

        var (answer, receipt) = await buyer.ReadAsync(await buyer.AskAsync(new { model = $"{_node.Inference.Publisher}/vectors@1.0.0", input = "some words to be embedded" }, s_voucher, "embeddings"));

        answer["data"]!.AsArray().Count.ShouldBe(1);
        receipt.Tokens.OutputTokens.ShouldBe(0);
        receipt.Price.ShouldBe(new Money(receipt.Tokens.InputTokens * 1_000));
        (await _node.SpentAsync(buyer)).ShouldBe(receipt.Price);
    }

    [Fact]
    public async Task Answer_ThatBreaksOff_CostsNothing()
    {
        _node.Server.Behaviour = async call =>
        {
            await call.BeginAsync();
            await call.WordAsync("Hello");
            call.Break();
        };
        using var buyer = await _node.OpenChannelAsync();

        using var broken = await buyer.AskAsync(_node.Inference.Chat(stream: true), s_voucher);
        var text = await broken.Content.ReadAsStringAsync(Stop);

        text.ShouldContain("answer_broken");
        text.ShouldNotContain("stoa-receipt");
        (await _node.SpentAsync(buyer)).ShouldBe(Money.Zero);
    }

    [Fact]
    public async Task Server_ThatDoesNotAnswer_IsTold_AndCostsNothing()
    {
        _node.Server.Behaviour = call => call.ErrorAsync(500);
        using var buyer = await _node.OpenChannelAsync();

        (await AnswerBuyer.RefusalAsync(await buyer.AskAsync(_node.Inference.Chat(), s_voucher))).ShouldBe((HttpStatusCode.BadGateway, "answerFailed"));

        (await _node.SpentAsync(buyer)).ShouldBe(Money.Zero);
    }

    [Fact]
    public async Task Credit_ThatDoesNotSuffice_IsDemanded_AndTheVoucherThatIsAskedForSuffices()
    {
        using var buyer = await _node.OpenChannelAsync();

        var first = AnswerBuyer.Demanded(await buyer.AskAsync(_node.Inference.Chat(), new Money(1)));
        var cumulative = Money.Parse(first.Extra!.Cumulative!);

        cumulative.ShouldBe(Money.Parse(first.Amount) + Money.Zero, "nothing was spent, and the one nanodollar that was paid counts");
        _node.Server.Requests.ShouldBeEmpty();
        await buyer.ReadAsync(await buyer.AskAsync(_node.Inference.Chat(), cumulative));
        (await _node.SpentAsync(buyer)).ShouldBe(s_price);
        var second = AnswerBuyer.Demanded(await buyer.AskAsync(_node.Inference.Chat(), cumulative));
        Money.Parse(second.Extra!.Cumulative!).ShouldBe(Money.Parse(second.Amount) + s_price);
    }

    [Fact]
    public async Task Channel_OfManyRequestsAtOnce_IsNeverOverspent()
    {
        const int atOnce = 64;
        const int paidFor = 10;
        using var buyer = await _node.OpenChannelAsync();
        var most = Money.Parse(AnswerBuyer.Demanded(await buyer.AskForPriceAsync(_node.Inference.Chat())).Amount);
        var voucher = new Money(most.Nanodollars * paidFor);
        var gate = new TaskCompletionSource();
        _node.Server.Behaviour = async call =>
        {
            await gate.Task;
            await call.AnswerAsync("Hello there");
        };

        var asking = Enumerable.Range(0, atOnce).Select(_ => buyer.AskAsync(_node.Inference.Chat(), voucher)).ToList();
        await Eventually.IsSoAsync(() => asking.Count(one => one.IsCompleted) == atOnce - paidFor);
        await Eventually.IsSoAsync(() => _node.Server.Requests.Count == paidFor);
        gate.SetResult();
        var answers = await Task.WhenAll(asking);

        answers.Count(answer => answer.StatusCode is HttpStatusCode.PaymentRequired).ShouldBe(atOnce - paidFor);
        var paid = Money.Zero;
        foreach (var answer in answers.Where(answer => answer.StatusCode is HttpStatusCode.OK))
            paid += (await buyer.ReadAsync(answer)).Receipt.Price;
        paid.ShouldBe(new Money(s_price.Nanodollars * paidFor));
        (await _node.SpentAsync(buyer)).ShouldBe(paid);
        // What the ten have left over pays for others.
        await buyer.ReadAsync(await buyer.AskAsync(_node.Inference.Chat(), voucher));
    }

    [Fact]
    public async Task Channel_ThatIsClosed_GivesBackWhatIsLeft()
    {
        using var buyer = await _node.OpenChannelAsync("1", challengeWindowSeconds: 1);
        await buyer.ReadAsync(await buyer.AskAsync(_node.Inference.Chat(), s_voucher));

        await _node.Ada.CloseChannelAsync(buyer.Channel.Id, null, Stop);

        await Eventually.IsSoAsync(async () => Money.Parse((await _node.Ada.GetWalletAsync(Stop)).Available) == Money.FromDollars(20) - s_price);
        // Within seconds; until then there is no credit.
        await Eventually.IsSoAsync(async () => (await AnswerBuyer.RefusalAsync(await buyer.AskAsync(_node.Inference.Chat(), s_voucher))) == (HttpStatusCode.Conflict, "channelClosed"));
    }

    [Fact]
    public async Task Channel_ThatHasExpired_PaysForNothing()
    {
        using var buyer = await _node.OpenChannelAsync(challengeWindowSeconds: 60, expiresAt: _clock.GetUtcNow().AddMinutes(1));
        await buyer.ReadAsync(await buyer.AskAsync(_node.Inference.Chat(), s_voucher));

        _clock.Advance(TimeSpan.FromMinutes(1));

        (await AnswerBuyer.RefusalAsync(await buyer.AskAsync(_node.Inference.Chat(), s_voucher))).ShouldBe((HttpStatusCode.Conflict, "channelExpired"));
    }

    [Fact]
    public async Task Request_ThatComesAgain_IsRefused()
    {
        using var buyer = await _node.OpenChannelAsync();
        var order = buyer.Order(_node.Inference.Chat(), s_voucher);
        await buyer.ReadAsync(await buyer.SendAsync(order.Sign()));

        (await AnswerBuyer.RefusalAsync(await buyer.SendAsync(order.Sign()))).ShouldBe((HttpStatusCode.Unauthorized, "requestReplayed"));

        _node.Server.Requests.Count.ShouldBe(1);
        (await _node.SpentAsync(buyer)).ShouldBe(s_price);
    }

    [Fact]
    public async Task Request_ThatWasNotSignedAsItIs_IsRefused()
    {
        using var other = PrivateKey.Generate();
        using var buyer = await _node.OpenChannelAsync();
        using var rich = await _node.OpenChannelAsync();

        await IsRefusedAsync(order => order.Key = other);
        await IsRefusedAsync(order => order.Created = order.Created.AddMinutes(-10));
        await IsRefusedAsync(order => order.Covered = ["@method", "@path", "@query", "content-digest"]);
        await IsRefusedAsync(order => order.Covered = ["@method", "@path", "@query", "payment-signature"]);
        await IsRefusedAsync(order => order.Covered = ["@method", "content-digest", "payment-signature"]);
        await IsRefusedAsync(order => order.Nonce = "short");
        await IsRefusedAsync(order => order.KeyId = "skey_01h2xcejqtf2nbrexx3vqjhp41");
        // Whoever sees a voucher spends nothing of it, and nobody changes what was signed.
        await IsRefusedAsync(_ => { }, request => request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(_node.Inference.Chat(content: "Say something else"))));
        await IsRefusedAsync(_ => { }, request => request.RequestUri = new Uri("/api/v1/model-calls/completions", UriKind.Relative));
        await IsRefusedAsync(_ => { }, request =>
        {
            request.Headers.Remove("PAYMENT-SIGNATURE");
            request.Headers.Add("PAYMENT-SIGNATURE", buyer.Pay(s_voucher + new Money(1)));
        });
        await IsRefusedAsync(_ => { }, request => request.Headers.Add(ModelAsk.Header, "eyJ9"));
        await IsRefusedAsync(_ => { }, request => request.Headers.Add(ModelAnswerReceipt.MostHeader, "1"));
        await IsRefusedAsync(_ => { }, request => request.Headers.Remove("Signature"));

        _node.Server.Requests.ShouldBeEmpty();
        (await _node.Service<Stoa.Node.Storage.Database>().ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM channels WHERE settled > 0"), Stop)).ShouldBe(0);

        async Task IsRefusedAsync(Action<AnswerOrder> before, Action<HttpRequestMessage>? after = null)
        {
            var order = buyer.Order(_node.Inference.Chat(), s_voucher);
            before(order);
            (await AnswerBuyer.RefusalAsync(await buyer.SendAsync(order.Sign(after)))).ShouldBe((HttpStatusCode.Unauthorized, "signatureInvalid"));
        }
    }

    [Fact]
    public async Task Payment_ThatIsNoneOfTheChannel_IsRefused()
    {
        using var other = PrivateKey.Generate();
        using var buyer = await _node.OpenChannelAsync("1");
        using var another = await _node.OpenChannelAsync("1");

        await IsRefusedAsync(buyer.Pay(s_voucher, by: other), HttpStatusCode.UnprocessableEntity, "voucherSignatureInvalid");
        await IsRefusedAsync(another.Pay(s_voucher), HttpStatusCode.UnprocessableEntity, "voucherForOtherChannel");
        await IsRefusedAsync(buyer.Pay(Money.FromDollars(2)), HttpStatusCode.Conflict, "voucherExceedsDeposit");
        await IsRefusedAsync("no payment", HttpStatusCode.UnprocessableEntity, "paymentInvalid");
        await IsRefusedAsync(buyer.Pay(s_voucher), HttpStatusCode.NotFound, "channelUnknown", order => order.KeyId = new Id<Channel>(Guid.CreateVersion7()).ToString());

        _node.Server.Requests.ShouldBeEmpty();

        async Task IsRefusedAsync(string payment, HttpStatusCode status, string code, Action<AnswerOrder>? change = null)
        {
            var order = buyer.Order(_node.Inference.Chat(), s_voucher);
            order.Payment = payment;
            change?.Invoke(order);
            (await AnswerBuyer.RefusalAsync(await buyer.SendAsync(order.Sign()))).ShouldBe((status, code));
        }
    }

    [Fact]
    public async Task Model_ThatIsNotSold_IsRefused()
    {
        await _node.Inference.PublishAsync("1.0.0", "gratis", isFree: true);
        await _node.Inference.RegisterAsync(_node.Server, $"{_node.Inference.Publisher}/gratis@1.0.0");
        using var buyer = await _node.OpenChannelAsync();

        foreach (var model in (string[])["auto", $"{_node.Inference.Publisher}/tiny", $"{_node.Inference.Publisher}/tiny@^1.0.0", $"{_node.Inference.Publisher}/tiny@1.0.1", $"{_node.Inference.Publisher}/gratis@1.0.0"])
            (await AnswerBuyer.RefusalAsync(await buyer.AskAsync(_node.Inference.Chat(model), s_voucher))).ShouldBe((HttpStatusCode.NotFound, "modelNotSold"));
        (await AnswerBuyer.RefusalAsync(await buyer.AskAsync(new { model = _node.Inference.Model, input = "words" }, s_voucher, "embeddings"))).ShouldBe((HttpStatusCode.NotFound, "modelNotSold"));
        (await AnswerBuyer.RefusalAsync(await buyer.AskAsync(new { model = _node.Inference.Model }, s_voucher))).ShouldBe((HttpStatusCode.BadRequest, "requestInvalid"));
    }

    [Fact]
    public async Task Agent_ThatAsks_MayAskWhatItsNodeHasSigned_AndIsInTheReceipt()
    {
        using var home = PrivateKey.Generate();
        using var buyer = await _node.OpenChannelAsync();
        var ask = Content();
        var envelope = ModelAsk.Sign(ask, home);

        var (_, receipt) = await buyer.ReadAsync(await AskAsync(envelope));

        receipt.Ask.ShouldBe(ContentHash.Of(envelope.Payload));
        await IsRefusedAsync(ModelAsk.Sign(ask with { To = home.PublicKey.PeerId }, home));
        await IsRefusedAsync(ModelAsk.Sign(ask with { Channel = new Id<Channel>(Guid.CreateVersion7()) }, home));
        await IsRefusedAsync(ModelAsk.Sign(ask with { Until = TimeProvider.System.GetUtcNow().AddSeconds(-1) }, home));
        await IsRefusedAsync(ModelAsk.Sign(ask with { Models = [ListingName.Parse("stoa/other@1.0.0")] }, home));
        await IsRefusedAsync(ModelAsk.Sign(ask with { Most = new Money(1_000) }, home));
        using var other = PrivateKey.Generate();
        await IsRefusedAsync(DsseEnvelope.Sign(ModelAsk.PayloadType, envelope.Payload, other));
        var garbage = buyer.Order(_node.Inference.Chat(), s_voucher);
        garbage.Ask = "bm90aGluZw==";
        (await AnswerBuyer.RefusalAsync(await buyer.SendAsync(garbage.Sign()))).ShouldBe((HttpStatusCode.Forbidden, "askInvalid"));
        (await _node.SpentAsync(buyer)).ShouldBe(s_price);

        ModelAskContent Content() => new(
            home.PublicKey, PeerId.Parse(buyer.Channel.Node), buyer.ChannelId, ListingName.Parse("ada/reader@1.0.0"), new Id<AgentTask>(Guid.CreateVersion7()), 1, [ListingName.Parse(_node.Inference.Model)],
            Money.FromDollars(0.01m), TimeProvider.System.GetUtcNow().AddMinutes(10));

        Task<HttpResponseMessage> AskAsync(DsseEnvelope signed)
        {
            var order = buyer.Order(_node.Inference.Chat(), s_voucher);
            order.Ask = Convert.ToBase64String(signed.ToJson());
            return buyer.SendAsync(order.Sign());
        }

        async Task IsRefusedAsync(DsseEnvelope signed) => (await AnswerBuyer.RefusalAsync(await AskAsync(signed))).ShouldBe((HttpStatusCode.Forbidden, "askInvalid"));
    }

    [Fact]
    public async Task Buyer_WhoGoesAway_PaysForWhatWasWritten()
    {
        var written = new TaskCompletionSource();
        _node.Server.Behaviour = async call =>
        {
            await call.BeginAsync();
            foreach (var word in (string[])["One ", "two ", "three "])
                await call.WordAsync(word);
            written.SetResult();
            await call.HangAsync();
        };
        using var buyer = await _node.OpenChannelAsync();
        using var gone = new CancellationTokenSource();
        var answer = await buyer.SendAsync(buyer.Order(_node.Inference.Chat(stream: true), s_voucher).Sign(), gone.Token);
        await using var body = await answer.Content.ReadAsStreamAsync(Stop);
        await body.ReadAtLeastAsync(new byte[16], 16, cancellationToken: Stop);
        await written.Task;

        answer.Dispose();

        await Eventually.IsSoAsync(() => _node.Server.GivenUp == 1);
        (await _node.SpentAsync(buyer)).ShouldBeInRange(new Money(1), s_price + s_price);
    }

    [Fact]
    public async Task Buyer_WhoGoesAwayBeforeTheAnswer_PaysForWhatTheServerHasRead()
    {
        _node.Server.Behaviour = call => call.HangAsync();
        using var buyer = await _node.OpenChannelAsync();
        using var gone = new CancellationTokenSource();
        var asking = buyer.SendAsync(buyer.Order(_node.Inference.Chat(), s_voucher).Sign(), gone.Token);
        await Eventually.IsSoAsync(() => _node.Server.Requests.Count == 1);

        await gone.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => asking);

        await Eventually.IsSoAsync(() => _node.Server.GivenUp == 1);
        await Eventually.IsSoAsync(async () => (await _node.CreditAsync(buyer)).Spent > Money.Zero, "Nothing was paid.");
        (await _node.SpentAsync(buyer)).ShouldBeLessThan(s_price, "nothing was written");
        // Who waits for an answer that nobody gives pays nothing.
        _node.Server.Behaviour = call => call.ErrorAsync(500);
        var before = await _node.SpentAsync(buyer);
        (await buyer.AskAsync(_node.Inference.Chat(), s_voucher)).StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        (await _node.SpentAsync(buyer)).ShouldBe(before);
    }

    [Fact]
    public async Task Request_ThatCannotBeTaken_LeavesNothingReserved()
    {
        using var buyer = await _node.OpenChannelAsync();
        var database = _node.Service<Stoa.Node.Storage.Database>();
        await database.WriteAsync(session => session.ExecuteAsync("ALTER TABLE request_nonces RENAME TO request_nonces_away"), Stop);

        (await buyer.AskAsync(_node.Inference.Chat(), s_voucher)).StatusCode.ShouldBe(HttpStatusCode.InternalServerError);

        await database.WriteAsync(session => session.ExecuteAsync("ALTER TABLE request_nonces_away RENAME TO request_nonces"), Stop);
        (await _node.SpentAsync(buyer)).ShouldBe(Money.Zero);
        _node.Server.Requests.ShouldBeEmpty();
        await buyer.ReadAsync(await buyer.AskAsync(_node.Inference.Chat(), s_voucher));
    }
}
