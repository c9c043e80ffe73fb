using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Stoa.Market;
using Stoa.Market.Auctions;
using Stoa.Market.Tasks;
using Stoa.Primitives;
using Stoa.Wasm;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Node.Auctions;

/// <summary>Makes the bids of the policies that the node keeps, and signs them with the node's key.</summary>
/// <param name="programs">The bidding programs of publishers.</param>
/// <param name="bidding">Where faults are counted.</param>
/// <param name="node">Signs.</param>
/// <param name="options">How long and how much programs may run.</param>
/// <param name="ids">Makes nonces.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of faults that are not the programs'.</param>
public sealed class PolicyBids(
    AgentPrograms programs,
    SqlBiddingStore bidding,
    PrivateKey node,
    AuctionsOptions options,
    IdSource ids,
    TimeProvider time,
    ILogger<PolicyBids> logger) : IDisposable
{
    private const int MaxAnswerBytes = 1_024;
    private const int MaxFaultLength = 500;

    // In a shorter window a program that is run for the first time may be late through no fault of its own.
    private const int FairTimeoutMs = 50;

    private readonly AgentSandbox _sandbox = new(time);

    // Threads of their own, since tasks may keep theirs for long.
    private readonly GuestThreads _threads = new(options.ProgramWorkers);
    private readonly PublisherTurns _turns = new();

    public void Dispose() => _threads.Dispose();

    /// <summary>Asks every policy. Whoever has not answered when the token is cancelled has not bid.</summary>
    public async Task<IReadOnlyList<SealedBid>> MakeAsync(Auction auction, CancellationToken closing)
    {
        var made = await Task.WhenAll(auction.Announcement.Bidders.Zip(auction.Invitations, (bidder, invitation) => MakeAsync(auction, bidder, invitation, closing)));
        return [.. made.OfType<SealedBid>()];
    }

    private async Task<SealedBid?> MakeAsync(Auction auction, Bidder bidder, Invitation invitation, CancellationToken closing)
    {
        var ask = invitation.Policy switch
        {
            BiddingPolicy.Posted => new Ask.Factor(Ask.Factor.One),
            BiddingPolicy.Fixed @fixed => @fixed.Ask,
            BiddingPolicy.LoadAware loadAware => loadAware.AskAt(bidder.Load),
            BiddingPolicy.Wasm wasm => await RunAsync(auction, bidder, invitation, wasm, closing),
            BiddingPolicy.External or BiddingPolicy.None => null,
            _ => throw new InvalidOperationException($"Unknown bidding policy {invitation.Policy}."),
        };
        return ask is null
            ? null
            : new SealedBid(
                bidder.Name,
                time.GetUtcNow().ToMilliseconds(),
                new Bid(auction.Announcement.Id, bidder.Name, ask, ids.NextUuid().ToString("n")).Sign(node));
    }

    private async Task<Ask?> RunAsync(Auction auction, Bidder bidder, Invitation invitation, BiddingPolicy.Wasm policy, CancellationToken closing)
    {
        var announcement = auction.Announcement;
        var windowMs = (announcement.ClosesAt - announcement.OpenedAt).TotalMilliseconds;
        var timeoutMs = Math.Max(1, Math.Min(options.ProgramTimeoutMs, (long)windowMs / 2));
        string fault;
        try
        {
            var program = await programs.LoadAsync(policy.Program, closing);
            var limits = new Market.Registry.AgentLimits(options.ProgramFuel, options.ProgramMemoryBytes, timeoutMs, MaxAnswerBytes, MaxAnswerBytes);
            // The same announcement gives the same bid, whenever it is asked: a publisher can run it again.
            var seed = BinaryPrimitives.ReadInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(announcement.Id.ToString())));
            var job = new SandboxJob(bidder.Agent, [], limits, seed, announcement.OpenedAt.ToUnixTimeMilliseconds());
            using var answer = new MemoryStream();
            using var turn = await _turns.TakeAsync(invitation.PublisherId, closing);
            var outcome = await _threads.RunAsync(() => closing.IsCancellationRequested
                ? new AttemptOutcome.Stopped(default)
                : _sandbox.Run(program, job, GuestInput.FromBytes(AwardJson.Write(announcement, bidder.Name)), answer, new AttemptProgress(), closing));
            switch (outcome)
            {
                case AttemptOutcome.Completed when ReadAnswer(answer.ToArray()).TryGet(out var ask, out _):
                    return ask;
                case AttemptOutcome.Completed:
                    fault = "Its answer is not a bid: a JSON object with one member, factor or price, as a decimal string, or without members for no bid.";
                    break;
                case AttemptOutcome.Failed { Failure.Code: FailureCode.TimedOut } when timeoutMs < FairTimeoutMs:
                    return null;
                case AttemptOutcome.Failed failed:
                    fault = failed.Failure.Log.Length == 0 ? failed.Failure.Detail : $"{failed.Failure.Detail} It wrote: {failed.Failure.Log}";
                    break;
                default:
                    return null;
            }
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        catch (Exception missing) when (missing is IOException or InvalidModuleException)
        {
            fault = missing.Message;
        }

        await CountAsync(auction, bidder, invitation, fault.Length <= MaxFaultLength ? fault : fault[..MaxFaultLength]);
        return null;
    }

    private static Market.Outcome<Ask?, AuctionRefusal> ReadAnswer(byte[] answer)
    {
        var invalid = new Market.Refusal<AuctionRefusal>(AuctionRefusal.BidInvalid, "It is not a bid.");
        try
        {
            using var document = JsonDocument.Parse(answer, new JsonDocumentOptions { MaxDepth = 2 });
            var members = document.RootElement.EnumerateObject().ToDictionary(member => member.Name, member => member.Value.GetString());
            return members.Keys.All(name => name is "factor" or "price")
                ? Bid.ReadAsk(members.GetValueOrDefault("factor"), members.GetValueOrDefault("price"))
                : invalid;
        }
        catch (Exception other) when (other is JsonException or InvalidOperationException or ArgumentException)
        {
            return invalid;
        }
    }

    private async Task CountAsync(Auction auction, Bidder bidder, Invitation invitation, string fault)
    {
        try
        {
            await bidding.CountFaultAsync(
                bidder.Name, auction.Announcement.Id, fault, invitation.PublisherId, time.GetUtcNow(), CancellationToken.None);
        }
        catch (Exception failure)
        {
            // The auction goes on: that a publisher is not told this time is the lesser evil.
            logger.LogError(failure, "A fault of the bidding program of {Agent} could not be counted.", bidder.Name);
        }
    }
}
