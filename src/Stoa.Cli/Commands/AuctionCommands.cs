using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa auction</c>: for publishers whose own services bid.</summary>
internal static class AuctionCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "auction",
        "Auctions that agents of yours are invited to.",
        [new("Be told of them", "stoa events --json | jq 'select(.type == \"stoa.auction.announced\")'")],
        new ShowCommand(scope),
        new BidCommand(scope));

    /// <summary>Reads a P-256 private key from a PEM file.</summary>
    /// <exception cref="CommandFailure">It holds something else.</exception>
    public static PrivateKey ReadKey(Invocation invocation, string path)
    {
        try
        {
            return PrivateKey.FromPem(File.ReadAllText(invocation.Surroundings.FullPath(path)));
        }
        catch (FormatException other)
        {
            throw new CommandFailure($"{path} holds no key that can sign bids: {other.Message}", hint: "Make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out bidder.pem");
        }
    }

    private static Argument<string> Id() => CommonArguments.Id("AUCTION", "Id of the auction (auction_…).", IdKind.Auction);

    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();

        public ShowCommand(CommandScope scope)
            : base(
                scope,
                "show",
                "Show an auction: your own agents while it is open, all of it afterwards.",
                new CommandExample("Did my agent win?", "stoa auction show auction_01h2xcejqtf2nbrexx3vqjhp41")) =>
            Add(_id);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var auction = await invocation.Client.GetAuctionAsync(invocation.Get(_id), cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(auction, json => json.AuctionResponse);
            else
                AuctionView.Show(invocation.Screen, auction);
            return ExitCode.Ok;
        }
    }

    private sealed class BidCommand : StoaCommand
    {
        private readonly Argument<string> _id = Id();
        private readonly Argument<string> _agent;
        private readonly Option<string?> _factor = new("--factor") { Description = "Of the agent's posted prices, from 0 to 1.", HelpName = "F" };
        private readonly Option<string?> _price = new("--price") { Description = "For the whole task, in dollars.", HelpName = "USD" };
        private readonly Option<string> _key = new("--key", "-k") { Description = "PEM file with the private key whose public half is in the agent's bidding.", HelpName = "FILE", Required = true };

        public BidCommand(CommandScope scope)
            : base(
                scope,
                "bid",
                "Bid for an agent whose bidding is external. The bid is signed here, and stays closed until the end of the window.",
                new CommandExample("For four fifths of the posted prices", "stoa auction bid auction_01h2xcejqtf2nbrexx3vqjhp41 ada/resize --factor 0.8 --key bidder.pem"))
        {
            _agent = CommonArguments.Agent(scope, "An agent of yours, PUBLISHER/NAME.");
            Add(_id);
            Add(_agent);
            Add(_factor);
            Add(_price);
            Add(_key);
            Validators.Add(result =>
            {
                if (result.GetResult(_factor) is { Implicit: false } == result.GetResult(_price) is { Implicit: false })
                    result.AddError("Either --factor or --price is expected.");
            });
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var agent = CommonArguments.ParseAgent(invocation.Get(_agent));
            using var key = ReadKey(invocation, invocation.Get(_key)!);
            var taken = await invocation.Client.PlaceBidAsync(
                invocation.Get(_id), $"{agent.Publisher}/{agent.Name}", invocation.Get(_factor), invocation.Get(_price)?.TrimStart('$'), key, cancellationToken);
            if (invocation.IsJson)
                invocation.Screen.Json(taken, json => json.SealedBidResponse);
            else
                invocation.Screen.Line($"Taken at {Format.Time(taken.ReceivedAt)}; the award will hold {taken.Commitment}.");
            return ExitCode.Ok;
        }
    }
}
