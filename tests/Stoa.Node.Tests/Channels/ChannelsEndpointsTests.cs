using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Channels;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Channels;

/// <summary>A payer and a payee, each with its own key, and the node between them.</summary>
[Trait("speed", "slow")]
public sealed class ChannelsEndpointsTests : IAsyncLifetime
{
    private readonly PrivateKey _payerKey = PrivateKey.Generate();
    private readonly PrivateKey _payeeKey = PrivateKey.Generate();
    private TestNode _node = null!;
    private StoaClient _payer = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private StoaClient Payee => _node.Client;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(null, "--Channels:MinChallengeWindowSeconds", "1", "--Channels:PollMs", "20");
        _payer = await _node.JoinAsync("ada");
        await _node.Client.DepositAsync(new DepositRequest("ada", "5"), Stop);
    }

    public async ValueTask DisposeAsync()
    {
        _payer.Dispose();
        _payerKey.Dispose();
        _payeeKey.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Channel_IsOpenedPaidByToppedUpAndClosedByAgreement()
    {
        var opened = await OpenAsync("1");
        var terms = TermsOf(opened);
        (await _payer.GetWalletAsync(Stop)).Available.ShouldBe("4.000000000");
        (opened.State, opened.Role, opened.Remaining, opened.ChallengeWindowSeconds).ShouldBe(("open", "payer", "1.000000000", 1));

        var paid = await Payee.SettleVoucherAsync(opened.Id, Sign(terms, "0.25"), Stop);
        (await Payee.SettleVoucherAsync(opened.Id, Sign(terms, "0.25"), Stop)).Settled.ShouldBe("0.250000000", "the same again changes nothing");
        (paid.Role, paid.Settled).ShouldBe(("payee", "0.250000000"));
        (await _payer.RaiseDepositAsync(opened.Id, "2", Stop)).Remaining.ShouldBe("1.750000000");
        (await _payer.RaiseDepositAsync(opened.Id, "2", Stop)).Remaining.ShouldBe("1.750000000");

        var proposal = Agreement.Propose(terms, Money.Parse("0.5"), _payeeKey);
        (await RefusedAsync(() => _payer.AgreeOnChannelAsync(opened.Id, proposal, Stop))).ShouldBe(("agreementInvalid", 422));
        var closed = await _payer.AgreeOnChannelAsync(opened.Id, Agreement.Accept(proposal, _payerKey), Stop);

        (closed.State, closed.Agreed, closed.Settled, closed.Remaining).ShouldBe(("closed", true, "0.500000000", "0.000000000"));
        (await _payer.GetWalletAsync(Stop)).Available.ShouldBe("4.500000000");
        var statement = ChannelStatement.Open(closed.Statement!).Value;
        (statement.Settled, statement.State.ShouldBeOfType<ChannelState.Closed>().Agreed).ShouldBe((Money.Parse("0.5"), true));
    }

    [Fact]
    public async Task Closing_WithAnOldVoucher_IsChallengedAndFinishedByTheNode()
    {
        var opened = await OpenAsync("1", window: 3_600);
        var terms = TermsOf(opened);
        var chain = new HashChain(new ChainWord(new byte[32]), 100);
        var word = new VoucherBody(chain.Commit(terms, Money.Zero, Money.Parse("0.01")).Sign(_payerKey), 90, chain[90].ToString());

        var closing = await _payer.CloseChannelAsync(opened.Id, Sign(terms, "0.1"), Stop);
        (closing.State, closing.ClosingBy, closing.Settled).ShouldBe(("closing", "payer", "0.100000000"));
        (await _payer.CloseChannelAsync(opened.Id, null, Stop)).EndsAt.ShouldBe(closing.EndsAt, "the window stays as it is");
        (await RefusedAsync(() => _payer.RaiseDepositAsync(opened.Id, "2", Stop))).ShouldBe(("channelClosing", 409));
        var challenged = await Payee.SettleVoucherAsync(opened.Id, word, Stop);

        (challenged.State, challenged.Settled, challenged.Voucher!.Index).ShouldBe(("closing", "0.900000000", 90));
        (await _payer.ListChannelsAsync("payer", "closing", Stop).ToListAsync(Stop)).Select(channel => channel.Id).ShouldBe([opened.Id]);
        (await _payer.ListChannelsAsync("payee", null, Stop).ToListAsync(Stop)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Closing_WhoseWindowIsOver_IsFinishedByTheNode()
    {
        var opened = await OpenAsync("1");
        await _payer.CloseChannelAsync(opened.Id, null, Stop);

        await foreach (var happened in Payee.WatchEventsAsync("0", Stop))
        {
            if (happened.Type == "stoa.channel.closed")
                break;
        }

        (await _payer.GetChannelAsync(opened.Id, Stop)).State.ShouldBe("closed");
        (await _payer.GetWalletAsync(Stop)).Available.ShouldBe("5.000000000");
        (await RefusedAsync(() => Payee.SettleVoucherAsync(opened.Id, Sign(TermsOf(opened), "0.5"), Stop))).ShouldBe(("channelClosed", 409));
    }

    [Fact]
    public async Task Settlement_OfManyChannels_RefusesEachForItself()
    {
        var (one, two) = (await OpenAsync("1"), await OpenAsync("1"));

        var settled = await Payee.SettleVouchersAsync(
            [
                new ChannelVoucherBody(one.Id, Sign(TermsOf(one), "0.3")),
                new ChannelVoucherBody(two.Id, Sign(TermsOf(one), "0.3")),
                new ChannelVoucherBody("chan_01h2xcejqtf2nbrexx3vqjhp41", Sign(TermsOf(one), "0.3")),
                new ChannelVoucherBody(two.Id, Sign(TermsOf(two), "0.4")),
            ],
            Stop);

        (settled.Paid, settled.Transfers).ShouldBe(("0.700000000", 1));
        settled.Results.Select(result => result.Code).ShouldBe([null, "voucherForOtherChannel", "channelUnknown", null]);
        settled.Results.Select(result => result.Paid).ShouldBe(["0.300000000", null, null, "0.400000000"]);
        (await RefusedAsync(() => Payee.SettleVouchersAsync([], Stop))).ShouldBe(("requestInvalid", 400));
    }

    [Fact]
    public async Task Acts_ThatMayNotBe_AreRefusedWithTheReason()
    {
        var opened = await OpenAsync("1");
        var terms = TermsOf(opened);
        await Payee.SettleVoucherAsync(opened.Id, Sign(terms, "0.5"), Stop);
        using var stranger = await _node.JoinAsync("eve");

        (await RefusedAsync(() => stranger.GetChannelAsync(opened.Id, Stop))).ShouldBe(("channelUnknown", 404));
        (await RefusedAsync(() => stranger.SettleVoucherAsync(opened.Id, Sign(terms, "0.6"), Stop))).ShouldBe(("channelUnknown", 404));
        (await RefusedAsync(() => Payee.RaiseDepositAsync(opened.Id, "2", Stop))).ShouldBe(("notThePayer", 403));
        (await RefusedAsync(() => _payer.RaiseDepositAsync(opened.Id, "0.9", Stop))).ShouldBe(("depositNotHigher", 409));
        (await RefusedAsync(() => _payer.RaiseDepositAsync(opened.Id, "much", Stop))).ShouldBe(("requestInvalid", 400));
        (await RefusedAsync(() => _payer.RaiseDepositAsync(opened.Id, "100", Stop))).ShouldBe(("insufficientFunds", 402));
        (await RefusedAsync(() => Payee.SettleVoucherAsync(opened.Id, Sign(terms, "0.4"), Stop))).ShouldBe(("voucherSuperseded", 409));
        (await RefusedAsync(() => Payee.SettleVoucherAsync(opened.Id, Sign(terms, "1.1"), Stop))).ShouldBe(("voucherExceedsDeposit", 409));
        (await RefusedAsync(() => Payee.SettleVoucherAsync(opened.Id, Sign(terms, "0.9", _payeeKey), Stop))).ShouldBe(("voucherSignatureInvalid", 422));
        (await RefusedAsync(() => Payee.SettleVoucherAsync(opened.Id, Sign(terms, "0.9") with { Index = 3 }, Stop))).ShouldBe(("voucherInvalid", 422));
        (await RefusedAsync(() => OpenAsync("100"))).ShouldBe(("insufficientFunds", 402));
        (await RefusedAsync(() => OpenAsync("0"))).ShouldBe(("channelInvalid", 422));
        (await RefusedAsync(() => OpenAsync("1", payee: "nobody"))).ShouldBe(("userUnknown", 404));
        (await RefusedAsync(() => OpenAsync("1", payee: "ada"))).ShouldBe(("channelInvalid", 422));
        (await RefusedAsync(() => _payer.OpenChannelAsync(new OpenChannelRequest("stoa", "AAAA", "!", "x"), Stop))).ShouldBe(("channelInvalid", 422));
    }

    private async Task<ChannelResponse> OpenAsync(string deposit, int window = 1, string? payee = null) => await _payer.OpenChannelAsync(
        new OpenChannelRequest(
            payee ?? (await Payee.GetMeAsync(Stop)).Handle,
            Convert.ToBase64String(_payerKey.PublicKey.ToSpki()),
            Convert.ToBase64String(_payeeKey.PublicKey.ToSpki()),
            deposit,
            window),
        Stop);

    private static ChannelTerms TermsOf(ChannelResponse channel) => ChannelStatement.Open(channel.Statement!, PeerId.Parse(channel.Node)).Value.Terms;

    private VoucherBody Sign(ChannelTerms terms, string cumulative, PrivateKey? key = null) =>
        new(new VoucherPayload(terms.Channel, terms.Node, Money.Parse(cumulative)).Sign(key ?? _payerKey).Envelope);

    private static async Task<(string Code, int Status)> RefusedAsync(Func<Task> act)
    {
        var refused = await Should.ThrowAsync<StoaException>(act);
        return (refused.Code!, refused.Problem!.Status);
    }
}
