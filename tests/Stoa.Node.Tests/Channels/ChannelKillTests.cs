using System.Collections.Concurrent;
using System.Globalization;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Channels;
using Stoa.Market.Ledger;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Ledger;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Channels;

/// <summary>A node that is killed while channels are opened, paid by, topped up and closed leaves books that agree with what it has answered.</summary>
/// <remarks>STOA_TEST_SEED replays the moments of a run; what the machine does in between is its own.</remarks>
[Trait("speed", "slow")]
public sealed class ChannelKillTests(ITestOutputHelper output) : IDisposable
{
    private const int Kills = 4;
    private const int Lanes = 4;
    private static readonly string[] s_options = ["--Channels:MinChallengeWindowSeconds", "1", "--Channels:PollMs", "20"];

    private readonly PrivateKey _payerKey = PrivateKey.Generate();
    private readonly PrivateKey _payeeKey = PrivateKey.Generate();

    // What the node has answered of each channel: the most that was settled, and the deposit. Afterwards it is no less.
    private readonly ConcurrentDictionary<string, (Money Settled, Money Deposit)> _answered = new();
    private readonly SemaphoreSlim _noted = new(0);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _payerKey.Dispose();
        _payeeKey.Dispose();
        _noted.Dispose();
    }

    [Fact]
    public async Task Node_KilledAtAnyMoment_LeavesEveryChannelWithWhatItAnswered()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("STOA_TEST_SEED"), CultureInfo.InvariantCulture, out var given) ? given : Random.Shared.Next();
        output.WriteLine($"STOA_TEST_SEED={seed}");
        var random = new Random(seed);
        var folder = Directory.CreateTempSubdirectory("stoa-channel-kill-").FullName;
        try
        {
            for (var kill = 0; kill < Kills; kill++)
            {
                await using var node = await NodeProcess.StartAsync(folder, Stop, s_options);
                var key = NodeProcess.AdminKey(folder);
                if (kill == 0)
                    await RegisterAsync(node);
                using var ending = CancellationTokenSource.CreateLinkedTokenSource(Stop);
                var lanes = Enumerable.Range(0, Lanes).Select(_ => ActAsync(node, key, random.Next(), ending.Token)).ToList();
                for (var answers = random.Next(20, 120); answers > 0; answers--)
                    (await _noted.WaitAsync(TimeSpan.FromMinutes(1), Stop)).ShouldBeTrue("the node answers");
                await node.KillAsync();
                await ending.CancelAsync();
                await Task.WhenAll(lanes);
            }

            await using var database = await Database.OpenAsync(new StorageOptions(DataFolder: folder), TimeProvider.System, Stop);
            await CheckAsync(database);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Opens one channel after another and does all that can be done, until the node is gone.</summary>
    private async Task ActAsync(NodeProcess node, string key, int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        using var payer = new StoaClient(new StoaClientOptions { Address = node.Address, ApiKey = key, MaxAttempts = 1 });
        try
        {
            while (!stop.IsCancellationRequested)
            {
                var channel = Note(await payer.OpenChannelAsync(
                    new OpenChannelRequest("bob", Text(_payerKey), Text(_payeeKey), "0.002", 1), stop));
                var terms = ChannelStatement.Open(channel.Statement!).Value.Terms;
                for (var step = 1; step <= 6; step++)
                {
                    var voucher = new VoucherBody(new VoucherPayload(terms.Channel, terms.Node, new Money(300_000 * step)).Sign(_payerKey).Envelope);
                    if (step == 3)
                        Note(await payer.RaiseDepositAsync(channel.Id, "0.003", stop));
                    if (random.Next(2) == 0)
                        Note(await payer.SettleVoucherAsync(channel.Id, voucher, stop));
                    else
                        await payer.SettleVouchersAsync([new ChannelVoucherBody(channel.Id, voucher)], stop);
                }

                if (random.Next(2) == 0)
                    Note(await payer.AgreeOnChannelAsync(channel.Id, Agreement.Accept(Agreement.Propose(terms, new Money(2_000_000), _payeeKey), _payerKey), stop));
                else
                    Note(await payer.CloseChannelAsync(channel.Id, null, stop));
            }
        }
        catch (Exception gone) when (gone is NodeUnreachableException or OperationCanceledException)
        {
            // The node was killed: what it did of the last request, nobody knows.
        }
    }

    private async Task CheckAsync(Database database)
    {
        var channels = await database.ReadAsync(
            session => session.QueryAsync<(string Id, string State, Money Deposit, Money Settled)>("SELECT id, state, deposit, settled FROM channels"), Stop);
        output.WriteLine($"{channels.Count} channels, {channels.Count(channel => channel.State == "Closed")} closed");
        _answered.ShouldNotBeEmpty();
        foreach (var (id, told) in _answered)
        {
            var channel = channels.Single(channel => channel.Id == id);
            channel.Settled.ShouldBeGreaterThanOrEqualTo(told.Settled);
            channel.Deposit.ShouldBeGreaterThanOrEqualTo(told.Deposit);
        }

        var left = channels.Where(channel => channel.State != "Closed").Sum(channel => (channel.Deposit - channel.Settled).Nanodollars);
        (await SumAsync("SELECT CAST(COALESCE(SUM(posted), 0) AS BIGINT) FROM accounts WHERE kind = 'Channel'")).ShouldBe(left);
        var ledger = new SqlLedgerStore(database);
        var moved = (await ledger.ReadTransfersAsync(Stop)).ToLookup(transfer => transfer.Purpose, transfer => transfer.Amount.Nanodollars);
        moved[TransferPurpose.ChannelPayment].Sum().ShouldBe(channels.Sum(channel => channel.Settled.Nanodollars));
        moved[TransferPurpose.ChannelDeposit].Sum().ShouldBe(channels.Sum(channel => channel.Deposit.Nanodollars));
        var totals = await ledger.TotalAsync(Stop);
        (totals.Posted, totals.Clearing).ShouldBe((Money.Zero, Money.Zero));

        Task<long> SumAsync(string sql) => database.ReadAsync(session => session.QuerySingleAsync<long>(sql), Stop);
    }

    private ChannelResponse Note(ChannelResponse channel)
    {
        _answered[channel.Id] = (Money.Parse(channel.Settled), Money.Parse(channel.Deposit));
        _noted.Release();
        return channel;
    }

    private static async Task RegisterAsync(NodeProcess node)
    {
        using var anonymous = new StoaClient(new StoaClientOptions { Address = node.Address });
        await anonymous.RegisterAsync(new RegisterRequest("bob", "bob@example.org", "a long enough password"), Stop);
    }

    private static string Text(PrivateKey key) => Convert.ToBase64String(key.PublicKey.ToSpki());
}
