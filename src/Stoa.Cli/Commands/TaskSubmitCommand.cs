using System.CommandLine;
using System.Text;
using System.Text.Json;
using Stoa.Cli.Sealing;
using Stoa.Cli.Terminal;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa task submit</c>.</summary>
internal sealed class TaskSubmitCommand : StoaCommand
{
    private static readonly string[] s_preferences = ["quality", "price", "speed", "availability"];
    private static readonly string[] s_scopes = ["cellFirst", "cell", "network"];
    private static readonly string[] s_priorities = ["background", "normal", "high", "urgent"];

    private readonly Argument<string> _agent;
    private readonly Argument<string?> _file = new("FILE")
    {
        Description = "The input; - for standard input, which is also taken when it is piped. Above 1 MiB it is uploaded by its digest.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _text = new("--text", "-t") { Description = "The input itself, instead of a file.", HelpName = "TEXT" };
    private readonly Option<bool> _isJsonInput = new("--json-input") { Description = "The input is JSON: refuse it here when it is not, and have the agent's JSON Schema checked." };
    private readonly Option<Dictionary<string, string>?> _parameters = ParameterOption.Create();
    private readonly Option<string[]> _capabilities = new("--capability", "-c") { Description = "In place of AGENT: what it must be able to do, such as image.resize; the node chooses. May be repeated.", HelpName = "NAME" };
    private readonly Option<string?> _prefer = new("--prefer") { Description = $"With --capability: what matters most: {OneOf.Listed(s_preferences)}.", HelpName = "WHAT" };
    private readonly Option<long?> _deadline = new("--deadline") { Description = "With --capability: it must be done in this time from now, such as 30s. A task that is not, waiting or running, fails then and costs nothing.", HelpName = "TIME", CustomParser = Quantity.Milliseconds };
    private readonly Option<double?> _minReputation = new("--min-reputation") { Description = "With --capability: the least believed chance of success, 0 to 1.", HelpName = "P" };
    private readonly Option<string?> _scope = new("--scope") { Description = $"With --capability: where to look for an agent: {OneOf.Listed(s_scopes)}. cellFirst when left out: in the network only when none of this node's fits.", HelpName = "WHERE" };
    private readonly Option<bool> _auction = new("--auction") { Description = "With --capability: those who can do it bid for it; --max-price is the reserve." };
    private readonly Option<long?> _window = new("--window") { Description = "With --auction: how long bids are taken, such as 500ms; 150ms when left out.", HelpName = "TIME", CustomParser = Quantity.Milliseconds };
    private readonly Option<bool> _orSelect = new("--or-select") { Description = "With --auction: when nobody bids, the best agent does it at its posted price." };
    private readonly Option<string?> _maxPrice = new("--max-price") { Description = "Refuse when more than so many dollars would be held.", HelpName = "USD", CustomParser = Quantity.Dollars };
    private readonly Option<string[]> _near = new("--near") { Description = "Better at a node in this region, where other operators' nodes may run it. May be repeated.", HelpName = "NAME" };
    private readonly Option<string[]> _regions = new("--region") { Description = "Run it only at a node in this region, such as eu-central (stoa node list shows those of this cell, stoa supplier list those of other operators). May be repeated.", HelpName = "NAME" };
    private readonly Option<int?> _runs = new("--runs") { Description = "Have so many executors run it, 2 to 7: this node and other operators', each another one. It costs the sum of those that agree.", HelpName = "N" };
    private readonly Option<int?> _agree = new("--agree") { Description = "With --runs: so many of them have to give the same output; more than half, which is also the default.", HelpName = "N" };
    private readonly Option<long?> _fuel = new("--fuel") { Description = "Burn at most so much fuel, such as 500M.", HelpName = "N", CustomParser = Quantity.Count };
    private readonly Option<long?> _memory = new("--memory") { Description = "Use at most so much memory, such as 64MB.", HelpName = "SIZE", CustomParser = Quantity.Bytes };
    private readonly Option<long?> _timeout = new("--timeout") { Description = "Stop an attempt after this time, such as 30s; a number alone is seconds.", HelpName = "TIME", CustomParser = Quantity.Milliseconds };
    private readonly Option<string?> _priority = new("--priority") { Description = $"Among your own tasks: {OneOf.Listed(s_priorities)}.", HelpName = "WORD" };
    private readonly Option<DateTimeOffset?> _at = new("--at") { Description = "Not before this time, such as 2030-01-31T08:00:00Z; without Z or an offset it is the time of this machine.", HelpName = "TIME", CustomParser = Quantity.Instant };
    private readonly Option<long?> _delay = new("--delay") { Description = "Not before so long from now, such as 90s, 5min, 2h or 3d.", HelpName = "TIME", CustomParser = Quantity.Milliseconds };
    private readonly Option<string?> _idempotencyKey = new("--idempotency-key") { Description = "The same key with the same submission gives the same task, however often it is sent.", HelpName = "KEY" };
    private readonly Option<bool> _quote = new("--quote") { Description = "Only say between what and what it would cost; nothing is submitted." };
    private readonly Option<bool> _wait = new("--wait") { Description = "Wait for the result. Default.", DefaultValueFactory = _ => true };
    private readonly Option<bool> _noWait = new("--no-wait") { Description = "Print the task's id and return at once." };
    private readonly Option<bool> _seal = new("--seal") { Description = "Seal the input to the node's key: nobody else can read input or output, also not in its database. The secret that opens the output is kept on this machine alone; who loses it cannot read the output. Sealed tasks have no log and no progress, parameters stay in the clear, and each seal is another input, so that an --idempotency-key is not for two." };
    private readonly Option<string[]> _trustedNodes = new("--trust-node") { Description = "With --seal: refuse a key that none of these nodes vouches for. May be repeated.", HelpName = "PEER-ID" };
    private readonly Option<string?> _replyKey = new("--reply-key") { Description = "With --seal: keep the secret in this file, in place of the folder stoa/seals beside the configuration.", HelpName = "FILE" };
    private readonly Option<string?> _outputFile = ResultOutput.Option();

    public TaskSubmitCommand(CommandScope scope)
        : base(
            scope,
            "submit",
            "Submit a task, watch it, and get its result. The result goes to -o or to standard output, all else to standard error.",
            new("Shrink a picture", "stoa task submit stoa/image-resize samples/image-resize/input/lake.png --param width=640 -o small.png"),
            new("Let the node choose who does it", "stoa task submit --capability image.resize samples/image-resize/input/lake.png --param width=640 --max-price 0.01"),
            new("Let it go to another operator's node, if one does it better", "stoa task submit --capability image.resize --scope network samples/image-resize/input/lake.png --param width=640"),
            new("Let agents bid for it", "stoa task submit --capability image.resize samples/image-resize/input/lake.png --param width=640 --auction --max-price 0.01"),
            new("In a pipe", "cat samples/csv-profile/input/lake.csv | stoa task submit stoa/csv-profile | jq .columns"),
            new("What would it cost?", "stoa task submit stoa/csv-profile samples/csv-profile/input/lake.csv --priority urgent --quote"),
            new("For at most a cent", "stoa task submit stoa/markdown-html --text '# Hello' --max-price 0.01"),
            new("So that only the node that runs it can read it", "stoa task submit stoa/csv-profile samples/csv-profile/input/lake.csv --seal"),
            new("Only in a certain region", "stoa task submit stoa/csv-profile samples/csv-profile/input/lake.csv --region eu-central"),
            new("Believe it only when two executors of three agree", "stoa task submit stoa/csv-profile samples/csv-profile/input/lake.csv --runs 3"),
            new("Start many, and look later", "for f in *.png; do stoa task submit stoa/image-resize \"$f\" --param width=320 --no-wait; done"))
    {
        _agent = CommonArguments.Agent(scope, "PUBLISHER/NAME for the newest version, or PUBLISHER/NAME@VERSION. Left out with --capability.");
        _agent.Arity = ArgumentArity.ZeroOrOne;
        _prefer.Accepts(s_preferences);
        _priority.Accepts(s_priorities);
        _scope.Accepts(s_scopes);
        Add(_agent);
        Add(_file);
        foreach (var option in new Option[] { _text, _isJsonInput, _parameters, _outputFile, _capabilities, _prefer, _deadline, _minReputation, _scope, _auction, _window, _orSelect, _maxPrice, _regions, _near, _runs, _agree, _fuel, _memory, _timeout, _priority, _at, _delay, _quote, _wait, _noWait, _idempotencyKey, _seal, _trustedNodes, _replyKey })
            Add(option);
        Validators.Add(result =>
        {
            var isChosen = result.GetResult(_capabilities) is { Implicit: false };
            if (!isChosen && result.GetResult(_agent) is not { Tokens.Count: > 0 })
                result.AddError("AGENT or --capability is expected: who does it, or what must be done.");
            if (isChosen && result.GetResult(_file) is { Tokens.Count: > 0 })
                result.AddError("With --capability there is no AGENT: only FILE is given.");
            if (isChosen && result.GetResult(_agent) is { Tokens.Count: > 0 } && result.GetResult(_text) is { Implicit: false })
                result.AddError("Either FILE or --text is the input, not both.");
            if (!isChosen && new Option[] { _prefer, _deadline, _minReputation, _scope, _auction }.Any(option => result.GetResult(option) is { Implicit: false }))
                result.AddError("--prefer, --deadline, --min-reputation, --scope and --auction go with --capability.");
            if (isChosen && result.GetResult(_runs) is { Implicit: false })
                result.AddError("--runs goes with AGENT: several executors run one agent.");
            if (result.GetResult(_agree) is { Implicit: false } && result.GetResult(_runs) is not { Implicit: false })
                result.AddError("--agree goes with --runs.");
            if (result.GetResult(_auction) is not { Implicit: false } && new Option[] { _window, _orSelect }.Any(option => result.GetResult(option) is { Implicit: false }))
                result.AddError("--window and --or-select go with --auction.");
            if (result.GetResult(_seal) is not { Implicit: false } && new Option[] { _trustedNodes, _replyKey }.Any(option => result.GetResult(option) is { Implicit: false }))
                result.AddError("--trust-node and --reply-key go with --seal.");
            if (result.GetResult(_file) is { Tokens.Count: > 0 } && result.GetResult(_text) is { Implicit: false })
                result.AddError("Either FILE or --text is the input, not both.");
            if (result.GetResult(_at) is { Implicit: false } && result.GetResult(_delay) is { Implicit: false })
                result.AddError("Either --at or --delay says when it is due, not both.");
        });
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        if (RequirementOf(invocation) is null)
            CommonArguments.ParseAgent(invocation.Get(_agent));
        if (invocation.Get(_quote))
            return await QuoteAsync(invocation, cancellationToken);
        var isWaiting = invocation.Get(_wait) && !invocation.Get(_noWait);
        if (isWaiting)
            ResultOutput.RefuseUnwritable(invocation, invocation.Get(_outputFile));
        TaskResponse? submitted = null;
        try
        {
            var task = await TaskProgress.RunAsync(invocation.Screen, "submitting", async progress =>
            {
                submitted = await SubmitAsync(invocation, progress, cancellationToken);
                return isWaiting ? await TaskFollowing.ToEndAsync(invocation.Client, submitted, progress, cancellationToken) : submitted;
            });
            if (isWaiting)
                return await TaskEnding.TellAsync(invocation, task, invocation.Get(_outputFile), cancellationToken, invocation.Get(_replyKey));
            if (invocation.IsJson)
                invocation.Screen.Json(task, json => json.TaskResponse);
            else
                invocation.Screen.Line(task.Id);
            return ExitCode.Ok;
        }
        catch (OperationCanceledException) when (submitted is not null && cancellationToken.IsCancellationRequested)
        {
            TaskFollowing.TellThatItGoesOn(invocation.Screen, submitted.Id);
            return ExitCode.Interrupted;
        }
        catch (Exception failure) when (submitted is not null && failure is (IOException or UnauthorizedAccessException))
        {
            return TaskFollowing.TellWhereItIs(invocation.Screen, submitted.Id, failure);
        }
    }

    private async Task<int> QuoteAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var request = await TaskProgress.RunAsync(invocation.Screen, "asking", progress => RequestAsync(invocation, progress, cancellationToken));
        var quote = await invocation.Client.QuoteAsync(request, cancellationToken);
        if (invocation.IsJson)
        {
            invocation.Screen.Json(quote, json => json.QuoteResponse);
            return ExitCode.Ok;
        }

        invocation.Screen.Facts(
            ("Agent", Format.Escaped(quote.Agent) + (quote.Candidates > 1 ? $" of {quote.Candidates}" : "")),
            ("At least", Format.Money(quote.Least)),
            ("At most", $"[bold]{Format.Money(quote.Hold)}[/], which would be held"),
            ("Of which", $"{Format.Money(quote.Base)} base, {Format.Money(quote.Input)} input, {Format.Money(quote.Fuel)} fuel, {Format.Money(quote.Memory)} memory"
                + (quote.Calls is { } calls ? $", {Format.Money(calls)} for other agents and models" : "")),
            ("Times", quote.Factors is { } factors
                ? Format.Invariant($"{factors.Tier:0.###} for the priority, {factors.Demand:0.###} for the demand just now")
                    + (factors.Volume == 1 ? "" : Format.Invariant($", {factors.Volume:0.###} for what was done this month"))
                : null));
        return ExitCode.Ok;
    }

    private async Task<TaskResponse> SubmitAsync(Invocation invocation, TaskProgress progress, CancellationToken cancellationToken)
    {
        var request = await RequestAsync(invocation, progress, cancellationToken);
        progress.Show("waiting for a worker", 0);
        return await invocation.Client.SubmitAsync(request, idempotencyKey: invocation.Get(_idempotencyKey), cancellationToken: cancellationToken);
    }

    private async Task<SubmitTaskRequest> RequestAsync(Invocation invocation, TaskProgress progress, CancellationToken cancellationToken)
    {
        var limits = new TaskLimitsBody(invocation.Get(_fuel), invocation.Get(_memory), invocation.Get(_timeout));
        var input = await ReadInputAsync(invocation, progress, cancellationToken);
        var requirement = RequirementOf(invocation);
        return new SubmitTaskRequest(
            requirement is null ? invocation.Get(_agent) : null,
            input,
            invocation.Get(_parameters),
            limits == new TaskLimitsBody() ? null : limits,
            invocation.Get(_maxPrice),
            invocation.Get(_priority),
            invocation.Get(_delay) is { } delayMs ? invocation.Surroundings.TimeProvider.GetUtcNow().AddMilliseconds(delayMs) : invocation.Get(_at),
            requirement,
            invocation.Get(_auction)
                ? new AuctionTermsBody(
                    invocation.Get(_window) is { } window ? (int)Math.Min(window, int.MaxValue) : null, invocation.Get(_orSelect) ? "select" : null)
                : null,
            invocation.Get(_regions) is { Length: > 0 } regions ? regions : null,
            invocation.Get(_runs) is { } runs ? new RedundancyBody(runs, invocation.Get(_agree)) : null,
            invocation.Get(_near) is { Length: > 0 } near ? near : null);
    }

    private RequirementBody? RequirementOf(Invocation invocation)
    {
        if (invocation.Get(_capabilities) is not { Length: > 0 } capabilities)
            return null;
        // What matters most outweighs all others together.
        double Weight(string name) => name == invocation.Get(_prefer) ? 0.7 : 0.1;
        return new RequirementBody(
            capabilities,
            invocation.Get(_deadline),
            invocation.Get(_minReputation),
            invocation.Get(_prefer) is null
                ? null
                : new WeightsBody(Weight("quality"), Weight("price"), Weight("speed"), Weight("availability")),
            Scope: invocation.Get(_scope));
    }

    /// <summary>The input's file: with a requirement the only argument, behind an agent the second one.</summary>
    private string? FileOf(Invocation invocation) => invocation.Get(_capabilities) is { Length: > 0 } ? invocation.Get(_agent) : invocation.Get(_file);

    private async Task<TaskInputBody> ReadInputAsync(Invocation invocation, TaskProgress progress, CancellationToken cancellationToken)
    {
        await using var source = OpenInput(invocation);
        if (!invocation.Get(_isJsonInput))
            return await PrepareAsync(invocation, source, progress, cancellationToken);
        try
        {
            using var document = await JsonDocument.ParseAsync(source, cancellationToken: cancellationToken);
            var value = document.RootElement.Clone();
            if (!invocation.Get(_seal) && Encoding.UTF8.GetByteCount(value.GetRawText()) <= StoaClient.MaxInlineInputBytes)
                return new TaskInputBody(Json: value);
            using var large = new MemoryStream(Encoding.UTF8.GetBytes(value.GetRawText()));
            return await PrepareAsync(invocation, large, progress, cancellationToken);
        }
        catch (JsonException notJson)
        {
            throw new CommandFailure($"The input is not JSON: {JsonText.Say(notJson)}");
        }
    }

    /// <summary>Makes an input of bytes: as they are, or sealed, and then with their secret kept before anything is submitted.</summary>
    private async Task<TaskInputBody> PrepareAsync(Invocation invocation, Stream source, TaskProgress progress, CancellationToken cancellationToken)
    {
        if (!invocation.Get(_seal))
            return await invocation.Client.PrepareInputAsync(source, progress.Upload, cancellationToken);
        var trusted = (invocation.Get(_trustedNodes) ?? []).Select(
            named => PeerId.TryParse(named, out var peer) ? peer : throw new CommandFailure($"'{named}' is not a peer id.")).ToList();
        try
        {
            var input = await invocation.Client.SealInputAsync(source, trusted, progress.Upload, cancellationToken);
            if (!invocation.Get(_quote))
                KeptSeals.Keep(invocation.Surroundings, input, invocation.Get(_replyKey));
            return input.Body;
        }
        catch (FormatException doubtful)
        {
            throw new CommandFailure($"The node's sealing key is not to be trusted: {doubtful.Message}", ExitCode.Refused);
        }
    }

    private Stream OpenInput(Invocation invocation)
    {
        if (invocation.Get(_text) is { } itself)
            return new MemoryStream(Encoding.UTF8.GetBytes(itself));
        if (FileOf(invocation) is { } path and not "-")
        {
            if (Directory.Exists(invocation.Surroundings.FullPath(path)))
                throw new CommandFailure($"{path} is a folder; the input is one file.");
            return new FileStream(invocation.Surroundings.FullPath(path), FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
        }

        if (FileOf(invocation) is null && invocation.Surroundings.IsInputTerminal)
            throw new CommandFailure("There is no input.", hint: "Name a FILE, give --text TEXT, pipe something in, or type it after - and end it with Ctrl-D.");
        return invocation.Surroundings.Input;
    }
}
