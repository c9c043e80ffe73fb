using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa agent bidding</c>.</summary>
internal static class AgentBiddingCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "bidding",
        "How an agent of yours bids when tasks are put out to bids.",
        [new("Ask for less than the posted price", "stoa agent bidding set ada/resize --factor 0.8")],
        new ShowCommand(scope),
        new SetCommand(scope),
        new ResetCommand(scope));

    private static Argument<string> Agent(CommandScope scope) => CommonArguments.Agent(scope, "An agent of yours, PUBLISHER/NAME: all of its versions.");

    private static int Tell(Invocation invocation, BiddingResponse bidding)
    {
        if (invocation.IsJson)
        {
            invocation.Screen.Json(bidding, json => json.BiddingResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Markup($"[bold]{Format.Escaped(bidding.Agent)}[/] bids {Format.Escaped(Words(bidding.Policy))}{(bidding.IsDefault ? ", as the operator has it" : "")}");
        if (bidding.Faults > 0)
            invocation.Screen.Markup($"[yellow]It did not bid {bidding.Faults} times for faults of its program. The last one:[/] {Format.Escaped(bidding.LastFault ?? "")}");
        return ExitCode.Ok;
    }

    private static string Words(BiddingPolicyBody policy) => policy.Policy switch
    {
        "posted" => "its posted prices",
        "fixed" when policy.Price is { } price => $"${price} for a task",
        "fixed" => $"{policy.Factor} of its posted prices",
        "loadAware" => $"{policy.IdleFactor} of its posted prices when idle, and up to {policy.BusyFactor} at {(policy.FullLoad == 1 ? "1 task" : policy.FullLoad + " tasks")}",
        "wasm" => $"by its program {policy.Program}",
        "external" => "by a service of yours",
        "none" => "never",
        _ => policy.Policy,
    };

    private sealed class ShowCommand : StoaCommand
    {
        private readonly Argument<string> _agent;

        public ShowCommand(CommandScope scope)
            : base(scope, "show", "Show how an agent bids, and whether its program has faults.", new CommandExample("What does it ask?", "stoa agent bidding show ada/resize"))
        {
            _agent = Agent(scope);
            Add(_agent);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.GetBiddingAsync(CommonArguments.ParseAgent(invocation.Get(_agent)), cancellationToken));
    }

    private sealed class SetCommand : StoaCommand
    {
        private readonly Argument<string> _agent;
        private readonly Option<bool> _posted = new("--posted") { Description = "Its posted prices." };
        private readonly Option<bool> _none = new("--none") { Description = "It never bids." };
        private readonly Option<string?> _factor = new("--factor") { Description = "Always so much of its posted prices, from 0 to 1.", HelpName = "F" };
        private readonly Option<string?> _price = new("--price") { Description = "Always so many dollars for a task, whatever it uses.", HelpName = "USD" };
        private readonly Option<string?> _idle = new("--idle") { Description = "So much of its posted prices when it has nothing to do, rising with its load.", HelpName = "F" };
        private readonly Option<string?> _busy = new("--busy") { Description = "With --idle: so much at full load; 1 when left out.", HelpName = "F" };
        private readonly Option<int?> _fullLoad = new("--full-load") { Description = "With --idle: how many tasks at a node are full load; 8 when left out.", HelpName = "N" };
        private readonly Option<string?> _program = new("--program") { Description = "A WebAssembly program that reads the announcement and writes the bid; it is uploaded.", HelpName = "FILE" };
        private readonly Option<string?> _key = new("--key") { Description = "A service of yours bids, signed with the key in this PEM file; only its public half is sent.", HelpName = "FILE" };

        public SetCommand(CommandScope scope)
            : base(
                scope,
                "set",
                "Say how an agent bids, from the next auction on: exactly one of the ways below.",
                new("Four fifths of the posted prices", "stoa agent bidding set ada/resize --factor 0.8"),
                new("Cheap when idle, the posted prices when busy", "stoa agent bidding set ada/resize --idle 0.5 --full-load 4"),
                new("A program of its own", "stoa agent bidding set ada/resize --program bidder.wasm"),
                new("A service of its own", "stoa agent bidding set ada/resize --key bidder.pem"))
        {
            _agent = Agent(scope);
            Add(_agent);
            Option[] ways = [_posted, _none, _factor, _price, _idle, _program, _key];
            foreach (var option in ways.Concat([_busy, _fullLoad]))
                Add(option);
            Validators.Add(result =>
            {
                if (ways.Count(way => result.GetResult(way) is { Implicit: false }) != 1)
                    result.AddError($"Exactly one of {string.Join(", ", ways.Select(way => way.Name))} is expected.");
                if (result.GetResult(_idle) is not { Implicit: false } && new Option[] { _busy, _fullLoad }.Any(option => result.GetResult(option) is { Implicit: false }))
                    result.AddError("--busy and --full-load go with --idle.");
            });
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var agent = CommonArguments.ParseAgent(invocation.Get(_agent));
            var policy = invocation switch
            {
                _ when invocation.Get(_posted) => new BiddingPolicyBody("posted"),
                _ when invocation.Get(_none) => new BiddingPolicyBody("none"),
                _ when invocation.Get(_factor) is { } factor => new BiddingPolicyBody("fixed", Factor: factor),
                _ when invocation.Get(_price) is { } price => new BiddingPolicyBody("fixed", Price: price.TrimStart('$')),
                _ when invocation.Get(_idle) is { } idle => new BiddingPolicyBody(
                    "loadAware", IdleFactor: idle, BusyFactor: invocation.Get(_busy), FullLoad: invocation.Get(_fullLoad)),
                _ when invocation.Get(_program) is { } path => new BiddingPolicyBody("wasm", Program: await UploadAsync(invocation, path, cancellationToken)),
                _ => new BiddingPolicyBody("external", Key: PublicKeyOf(invocation, invocation.Get(_key)!)),
            };
            return Tell(invocation, await invocation.Client.SetBiddingAsync(agent, policy, cancellationToken));
        }

        private static async Task<string> UploadAsync(Invocation invocation, string path, CancellationToken cancellationToken)
        {
            await using var file = new FileStream(invocation.Surroundings.FullPath(path), FileMode.Open, FileAccess.Read, FileShare.Read);
            return (await invocation.Client.UploadAsync(file, cancellationToken: cancellationToken)).Digest;
        }

        private static string PublicKeyOf(Invocation invocation, string path)
        {
            using var key = AuctionCommands.ReadKey(invocation, path);
            return Convert.ToBase64String(key.PublicKey.ToSpki());
        }
    }

    private sealed class ResetCommand : StoaCommand
    {
        private readonly Argument<string> _agent;

        public ResetCommand(CommandScope scope)
            : base(scope, "reset", "Let an agent bid as the operator has it.", new CommandExample("As in the beginning", "stoa agent bidding reset ada/resize"))
        {
            _agent = Agent(scope);
            Add(_agent);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken) =>
            Tell(invocation, await invocation.Client.ResetBiddingAsync(CommonArguments.ParseAgent(invocation.Get(_agent)), cancellationToken));
    }
}
