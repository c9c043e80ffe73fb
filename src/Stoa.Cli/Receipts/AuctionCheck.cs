using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Auctions;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Cli.Receipts;

/// <summary>An auction that was decided again from its signed record, here, with the same outcome.</summary>
/// <param name="Record">What the node swears.</param>
internal sealed record AuctionCheck(AwardRecord Record)
{
    /// <summary>Checks the award of an auction by itself.</summary>
    /// <param name="auction">As the node gave it.</param>
    /// <param name="expectedNode">Peer id of the node that must have signed; null for whichever it names.</param>
    /// <exception cref="CommandFailure">There is none yet, or it is not to be believed.</exception>
    public static AuctionCheck Verify(AuctionResponse auction, PeerId? expectedNode)
    {
        if (auction.Award is not { } envelope)
            throw new CommandFailure($"The auction {auction.Id} is {auction.State}: there is no award to verify.", ExitCode.Refused);
        if (!AwardVerifier.Verify(envelope, expectedNode).TryGet(out var record, out var fault))
            throw new CommandFailure(fault.Detail, ExitCode.Refused);
        return record.Announcement.Id.ToString() == auction.Id
            ? new AuctionCheck(record)
            : throw new CommandFailure($"The node gave the award of {record.Announcement.Id}, not of {auction.Id}.", ExitCode.Refused);
    }

    /// <summary>Checks that the rates of a receipt are those that its agent was awarded.</summary>
    /// <param name="client">Asked for the auction.</param>
    /// <param name="receipt">Verified before; it names an auction.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="CommandFailure">They are not.</exception>
    public static async Task<AuctionCheck> OfAsync(StoaClient client, Receipt receipt, CancellationToken cancellationToken)
    {
        var auction = await client.GetAuctionAsync(receipt.Auction!.Id.ToString(), cancellationToken);
        if (auction.Award is not { } award)
            throw new CommandFailure($"The receipt names an award of {auction.Id}, but that is {auction.State}.", ExitCode.Refused);
        return ReceiptVerifier.VerifyAward(receipt, award).TryGet(out var record, out var fault)
            ? new AuctionCheck(record)
            : throw new CommandFailure(fault.Detail, ExitCode.Refused);
    }
}
