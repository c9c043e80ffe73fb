using FsCheck;
using FsCheck.Fluent;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Tasks;

/// <summary>Tasks and what belongs to them, for tests that change one thing about them.</summary>
internal static class TaskSamples
{
    public static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_000);

    public static readonly IdSource Ids = new(TimeProvider.System, new SecureRandom());

    public static readonly AgentLimits Limits = new(Fuel: 50_000_000_000, MemoryBytes: 64 << 20, TimeoutMs: 60_000, OutputBytes: 1 << 20, LogBytes: 4096);

    public static readonly AgentPrice Price = new(Money.Parse("0.001"), Money.Parse("0.0005"), Money.Parse("0.002"));

    public static Usage Usage(long fuel = 1_000_000) => new(fuel, 1 << 20, 100, 200, 3);

    public static AgentTask Queued(Money? hold = null, DateTimeOffset? dueAt = null) => new(
        Ids.Next<AgentTask>(),
        Ids.Next<User>(),
        Ids.Next<AgentVersion>(),
        ListingName.Parse("stoa/upper@1.0.0"),
        new TaskInput(ContentHash.Of("hello"u8), 5, IsInline: true),
        [],
        Limits,
        hold is { } amount ? new TaskHold(Ids.Next<Transfer>(), Ids.Next<Account>(), amount) : null,
        Attempts: 0,
        Losses: 0,
        Token: 0,
        new TaskState.Queued(dueAt ?? Now),
        CancelRequestedAt: null,
        TraceParent: null,
        Now);

    public static AgentTask Running(Money? hold = null) => Queued(hold).Claim("node/boot", Now);

    public static TaskResult Result(Money? price = null) => new(
        ContentHash.Of("HELLO"u8), 5, IsInline: true, "text/plain", Usage(), price ?? Money.Zero, Ids.Next<Receipt>());

    public static TaskFailure Failure(FailureCode code) => new(code, "It failed.", "", Usage());

    public static AgentManifest Manifest(string? schema = null, AgentPrice? price = null, params AgentParameter[] parameters) => new(
        "upper",
        SemanticVersion.Parse("1.0.0"),
        "Writes its input in capitals.",
        ["text.upper"],
        [],
        "upper.wasm",
        new AgentPort(schema is null ? "text/plain" : "application/json", schema),
        new AgentPort("text/plain", null),
        parameters,
        Limits,
        [],
        price ?? Price);

    public static Receipt Receipt(PrivateKey key, Money? price = null) => new(
        Ids.Next<Receipt>(),
        Ids.Next<AgentTask>(),
        Ids.Next<User>(),
        ListingName.Parse("stoa/upper@1.0.0"),
        ContentHash.Of("artifact"u8),
        ContentHash.Of("program"u8),
        [new TaskParameter("width", "200"), new TaskParameter("fit", "größer \"quoted\"")],
        Limits,
        Seed: long.MinValue + 7,
        ClockMs: Now.ToUnixTimeMilliseconds(),
        ContentHash.Of("hello"u8),
        ContentHash.Of("HELLO"u8),
        Usage(),
        price ?? Money.Parse("0.003141593"),
        SplitPolicy.Default.Split(price ?? Money.Parse("0.003141593")),
        key.PublicKey,
        Now,
        Pricing: null);

    /// <summary>Numbers from 0 to a greatest one, of any size.</summary>
    public static Gen<long> Longs(long max) =>
        from bits in Gen.Choose(0, 62)
        from high in Gen.Choose(0, int.MaxValue)
        from low in Gen.Choose(0, int.MaxValue)
        select (((long)high << 31 | (long)low) >> bits) % Math.Max(max, 1);
}
