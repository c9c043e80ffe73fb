using System.Text;
using Stoa.Market.Builds;
using Stoa.Market.Identity;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tasks.Models;
using Stoa.Market.Tests.Tasks;
using Stoa.Primitives;
using Stoa.Wasm;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Market.Tests.Calls;

/// <summary>Agents that call each other, and the sandbox that runs them.</summary>
internal sealed class CallMarket : IDisposable
{
    public static readonly AgentLimits Limits = new(Fuel: 200_000_000, MemoryBytes: 1 << 20, TimeoutMs: 60_000, OutputBytes: 200_000, LogBytes: 4096);

    private readonly Engine _engine = new(new EngineOptions { Features = AgentFeatures.Admitted });
    private readonly GuestThreads _threads = new(1);
    private readonly Dictionary<string, (AgentVersion Version, byte[] Program)> _agents = [];

    public MemoryStream Output { get; } = new();

    public TaskCalls? Calls { get; private set; }

    /// <summary>What answers for models.</summary>
    public StubModels Models { get; } = new();

    /// <summary>What the hold has for models.</summary>
    public Money Budget { get; set; } = Money.Parse("1");

    /// <summary>By which agents come to models.</summary>
    public ModelDoor Door { get; private set; }

    public CallMarket() => Door = new ModelDoor(new CapabilityKey(new byte[32]), Models, AgentAsk.MostRequests, TimeProvider.System);

    /// <summary>Has agents ask models so often at most.</summary>
    public void Allow(int mostRequests) => Door = new ModelDoor(new CapabilityKey(new byte[32]), Models, mostRequests, TimeProvider.System);

    /// <summary>Lets an agent ask models.</summary>
    public void Let(string name, params AgentAsk[] asks)
    {
        var (version, program) = _agents[name];
        _agents[name] = (version with { Manifest = version.Manifest with { Asks = asks } }, program);
    }

    public static AgentAsk Ask(string model = "stoa/tiny", int maxRequests = 64, string maxPrice = "1", long maxBytes = 10_000, bool isRoute = false) =>
        new(model, isRoute, maxRequests, Money.Parse(maxPrice), maxBytes, maxBytes);

    public string Text => Encoding.UTF8.GetString(Output.ToArray());

    public void Dispose()
    {
        _threads.Dispose();
        Output.Dispose();
    }

    /// <summary>Publishes an agent of the publisher <c>stoa</c>, version 1.0.0.</summary>
    public void Add(string name, byte[] program, AgentPrice? price = null, AgentLimits? limits = null, string? inputSchema = null, string? outputSchema = null, params AgentUse[] uses)
    {
        var manifest = TaskSamples.Manifest(price: price ?? new AgentPrice(Money.Parse("0.001"), Money.Zero, Money.Zero)) with
        {
            Name = name,
            Limits = limits ?? (uses.Length == 0 ? Limits : Limits with { MemoryBytes = 16 << 20, Fuel = 5_000_000_000 }),
            Input = new AgentPort("application/json", inputSchema),
            Output = new AgentPort("application/json", outputSchema),
            Parameters = [new AgentParameter("width", "", AgentParameterType.Integer, null, [])],
            Uses = uses,
        };
        _agents[name] = (
            new AgentVersion(
                TaskSamples.Ids.Next<AgentVersion>(), TaskSamples.Ids.Next<User>(), "stoa", manifest, ContentHash.Of("artifact"u8), ContentHash.Of(program), program.Length, TaskSamples.Now),
            program);
    }

    public static AgentUse Use(string name, int maxCalls = 64, string maxPrice = "1", long maxInputBytes = 100_000, UseLimits? limits = null) =>
        new(ListingName.Parse($"stoa/{name}@1.0.0"), maxCalls, Money.Parse(maxPrice), maxInputBytes, limits ?? UseLimits.None);

    public Task<CallTree> TreeOf(string name) =>
        CallTree.ReadAsync(_agents[name].Version, (caller, index) => Task.FromResult(_agents[caller.Manifest.Uses[index].Agent.Name].Version));

    public async Task<AttemptOutcome> RunAsync(string name, byte[] input, CancellationToken cancellationToken, long seed = 7, AgentLimits? limits = null, AttemptProgress? progress = null)
    {
        Output.SetLength(0);
        var (version, program) = _agents[name];
        var sandbox = new AgentSandbox(TimeProvider.System);
        var programs = await CallablePrograms.LoadAsync(await TreeOf(name), called => Task.FromResult(_engine.Compile(_agents[called.Manifest.Name].Program)));
        limits ??= version.Manifest.Limits;
        using var models = programs.Tree.MayAsk ? Door.Begin(TaskSamples.Running(), Budget, TimeProvider.System.GetUtcNow().AddMilliseconds(limits.TimeoutMs)) : null;
        Calls = new TaskCalls(programs, sandbox, _threads, isTimed: true, cancellationToken) { Models = models };
        var job = new SandboxJob(version.Listing, [], limits, seed, ClockMs: 1_780_000_000_000) { Calls = Calls.DeskOf(seed, 1_780_000_000_000) };
        return await _threads.RunAsync(() => sandbox.Run(_engine.Compile(program), job, GuestInput.FromBytes(input), Output, progress ?? new AttemptProgress(), cancellationToken));
    }

    /// <summary>Signs what the last run did, as a node would.</summary>
    public Receipt Receipt(string name, PrivateKey key, byte[] input, AttemptOutcome.Completed completed, long seed = 7)
    {
        var version = _agents[name].Version;
        var calls = Calls!.Complete().Select(call =>
        {
            var shares = SplitPolicy.Default.Split(call.Price);
            return new SharedCall(call, shares, TaskEarnings.PartsOf(call.Agent, [], shares.Creator), new Dictionary<Id<User>, Id<Market.Ledger.Account>>());
        }).ToList();
        version.Manifest.Price.TryPrice(TaskPricing.WorkOf(input.Length, version.Manifest.Limits, completed.Usage), out var own).ShouldBeTrue();
        var requests = Calls.CompleteRequests().Select(request =>
        {
            var shares = SplitPolicy.Default.Split(request.Paid?.Price ?? default);
            return new SharedModelRequest(
                request,
                shares,
                shares.Creator == Money.Zero ? [] : [new RoyaltyPart(request.Paid!.Model.Publisher!.Value, "stoa", request.Paid.Model.Listing, shares.Creator)],
                new Dictionary<Id<User>, Id<Market.Ledger.Account>>());
        }).ToList();
        var earned = new TaskEarnings(version.Listing, version, SplitPolicy.Default.Split(own!.Total), [], calls, requests);
        return TaskSamples.Receipt(key) with
        {
            Agent = version.Listing,
            ProgramDigest = version.ProgramDigest,
            Parameters = [],
            Limits = version.Manifest.Limits,
            Seed = seed,
            InputDigest = ContentHash.Of(input),
            OutputDigest = completed.Output,
            Usage = completed.Usage,
            Price = earned.Shares.Total,
            Shares = earned.Shares,
            Royalties = [.. earned.Parts.Select(part => new ReceiptRoyalty(part.Handle, part.Agent, part.Amount))],
            Calls = [.. calls.Select(call => call.ToReceipt())],
            ModelRequests = [.. requests.Select(request => request.ToReceipt())],
            Pricing = new ReceiptPricing(version.Manifest.Price, input.Length),
        };
    }

    public async Task<RerunReport> RerunAsync(string name, Receipt receipt, byte[] input, CancellationToken cancellationToken) =>
        (await TryRerunAsync(name, receipt, input, cancellationToken)).Value;

    public async Task<Outcome<RerunReport, RerunRefusal>> TryRerunAsync(string name, Receipt receipt, byte[] input, CancellationToken cancellationToken) =>
        await ReceiptRerun.RunAsync(
            receipt, _agents[name].Program, new RerunCalls(await TreeOf(name), (called, _) => Task.FromResult<byte[]?>(_agents[called.Manifest.Name].Program)),
            new MemoryStream(input), TimeProvider.System, new AttemptProgress(), cancellationToken);
}
