using System.Text;
using Stoa.Market.Auctions;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Membership;
using Stoa.Market.Registry;
using Stoa.Market.Selection;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Membership;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Tasks;

public sealed class SubmitTaskTests
{
    private const string Schema =
        """
        { "type": "object", "required": ["rows"], "additionalProperties": false,
          "properties": { "rows": { "type": "array", "items": { "type": "object", "properties": { "age": { "type": "integer", "minimum": 0 } } } }, "title": { "type": "string" } } }
        """;

    private static readonly AgentParameter[] s_parameters =
    [
        new("width", "Pixels.", AgentParameterType.Integer, null, []),
        new("fit", "How.", AgentParameterType.Choice, "inside", ["inside", "cover"]),
        new("factor", "How much.", AgentParameterType.Number, null, []),
        new("grey", "No colour.", AgentParameterType.Boolean, null, []),
        new("title", "Any text.", AgentParameterType.String, null, []),
    ];

    private static readonly VolumeFactor s_volume = new([new VolumeTier(10, 900), new VolumeTier(100, 500)]);

    private readonly MarketShelf _shelf = new();
    private readonly Id<User> _owner = TaskSamples.Ids.Next<User>();
    private readonly Id<Account> _clearing = TaskSamples.Ids.Next<Account>();
    private readonly AgentIndex _index = new(new SelectionPolicy(), TaskSamples.Now);
    private readonly Cell _cell = new(new LeaseHolder("self", "1"), "eu-central", TaskSamples.Now);
    private readonly SubmitTask _submit;

    public SubmitTaskTests()
    {
        _shelf.Wallets[_owner.ToString()] = new Account(
            TaskSamples.Ids.Next<Account>(), _owner.ToString(), AccountKind.Wallet, Money.Parse("10"), Money.Zero, Money.Zero, TaskSamples.Now);
        _shelf.Agent = Agent(TaskSamples.Manifest(parameters: s_parameters));
        _submit = new SubmitTask(_shelf, _shelf, _shelf, _shelf, _shelf, _shelf, _clearing, _index, new OpenAuction(_shelf, new BiddingPolicy.Posted(), 10, _cell.Self, TaskSamples.Ids), _cell, new TaskSealing(null), maxMemoryBytes: 1L << 30, TaskSamples.Ids, TimeProvider.System, new Random(1), new NoSuppliers());
        _index.SetLoaded();
    }

    [Fact]
    public async Task Submit_OfAGoodRequest_HoldsThePriceAtTheLimits()
    {
        var task = (await SubmitAsync(Request() with { Limits = new RequestedLimits(Fuel: 1_000_000_000) })).Value.Task;

        // 0.001 + 5 bytes at 0.0005 per MB + 1 Gfuel at 0.002.
        task.MaxPrice.ToString().ShouldBe("0.003000003");
        var made = _shelf.Submissions.ShouldHaveSingleItem();
        made.Hold.ShouldNotBeNull().Amount.ShouldBe(task.MaxPrice);
        (made.Hold.CreditAccountId, made.Hold.Cause, made.Hold.Id).ShouldBe((_clearing, task.Id.ToString(), task.Hold!.Id));
        task.Limits.ShouldBe(TaskSamples.Limits with { Fuel = 1_000_000_000 });
    }

    [Fact]
    public async Task Submit_ToAFreeAgent_HoldsNothingAndNeedsNoWallet()
    {
        _shelf.Agent = Agent(TaskSamples.Manifest(price: new AgentPrice(Money.Zero, Money.Zero, Money.Zero)));
        _shelf.Wallets.Clear();

        (await SubmitAsync(Request())).Value.Task.Hold.ShouldBeNull();
        _shelf.Submissions.ShouldHaveSingleItem().Hold.ShouldBeNull();
    }

    [Fact]
    public async Task Submit_OfParametersInAnyOrder_KeepsTheManifestsOrder()
    {
        var parameters = new Dictionary<string, string> { ["title"] = "x", ["grey"] = "true", ["factor"] = "-1.5e3", ["fit"] = "cover", ["width"] = "-7" };

        var task = (await SubmitAsync(Request() with { Parameters = parameters })).Value.Task;

        task.Parameters.Select(parameter => parameter.Name).ShouldBe(["width", "fit", "factor", "grey", "title"]);
    }

    [Fact]
    public async Task Submit_OfBadParameters_SaysEveryReason()
    {
        var parameters = new Dictionary<string, string>
        {
            ["width"] = "wide",
            ["fit"] = "stretch",
            ["factor"] = "NaN",
            ["grey"] = "yes",
            ["title"] = "a\0b",
            ["a/b~c"] = "1",
        };

        var refusal = (await SubmitAsync(Request() with { Parameters = parameters })).Refusal.ShouldNotBeNull();

        refusal.Code.ShouldBe(TaskRefusal.ParametersInvalid);
        refusal.Errors.Select(error => error.Pointer).ShouldBe(
            ["/parameters/a~1b~0c", "/parameters/width", "/parameters/fit", "/parameters/factor", "/parameters/grey", "/parameters/title"], ignoreOrder: true);
    }

    [Fact]
    public async Task Submit_OfManyUnknownParameters_TellsOfSome()
    {
        var parameters = Enumerable.Range(0, 10_000).ToDictionary(number => $"p{number}", _ => "");

        var refusal = (await SubmitAsync(Request() with { Parameters = parameters })).Refusal.ShouldNotBeNull();

        (refusal.Code, refusal.Errors.Count).ShouldBe((TaskRefusal.ParametersInvalid, 32));
    }

    [Fact]
    public async Task Submit_OfBadLimits_SaysEveryReason()
    {
        var limits = new RequestedLimits(Fuel: 0, MemoryBytes: -1, TimeoutMs: 60_001, OutputBytes: long.MaxValue, LogBytes: 4096);

        var refusal = (await SubmitAsync(Request() with { Limits = limits })).Refusal.ShouldNotBeNull();

        refusal.Code.ShouldBe(TaskRefusal.LimitsInvalid);
        refusal.Errors.Select(error => error.Pointer).ShouldBe(["/limits/fuel", "/limits/memoryBytes", "/limits/timeoutMs", "/limits/outputBytes"]);
    }

    [Fact]
    public async Task Submit_ForRegions_IsOnlyOfferedToThisNodeWhenItStandsInOneOfThem()
    {
        _cell.Learn([CellTests.Node("other", "us-east")]);
        _shelf.Agent = Agent(TaskSamples.Manifest());

        (await OfferedAsync()).ShouldBe((true, ""));
        (await OfferedAsync("eu-central", "us-east")).ShouldBe((true, "eu-central us-east"));
        (await OfferedAsync("ap-south", "us-east")).ShouldBe((false, "ap-south us-east"));

        async Task<(bool, string)> OfferedAsync(params string[] regions)
        {
            var isOffered = false;
            var task = (await _submit.SubmitAsync(_owner, Request() with { Regions = regions }, null, _ => Offer(), null, Stop)).Value.Task;
            return (isOffered, string.Join(' ', task.Regions));

            ImmediateClaim? Offer()
            {
                isOffered = true;
                return null;
            }
        }
    }

    [Fact]
    public async Task Submit_ForRegionsWhereNoNodeIs_IsRefusedWithThoseWhereOneIs()
    {
        _cell.Learn([CellTests.Node("other", "us-east"), CellTests.Node("nowhere", null)]);

        var refusal = (await SubmitAsync(Request() with { Regions = ["ap-south", "eu-west"] })).Refusal.ShouldNotBeNull();

        refusal.Code.ShouldBe(TaskRefusal.RegionUnserved);
        refusal.Detail.ShouldContain("ap-south or eu-west");
        refusal.Detail.ShouldContain("eu-central, us-east");
        (await _submit.QuoteAsync(_owner, Request() with { Regions = ["ap-south"] }, Stop)).Refusal!.Code.ShouldBe(TaskRefusal.RegionUnserved);
    }

    [Fact]
    public void Hash_OfARequest_ChangesWithItsRegions()
    {
        var hashes = new[] { Request(), Request() with { Regions = ["eu-central"] }, Request() with { Regions = ["eu-central", "us-east"] } }
            .Select(request => request.Hash()).ToList();

        hashes.Distinct().Count().ShouldBe(3);
        (Request() with { Regions = [] }).Hash().ShouldBe(hashes[0]);
    }

    [Fact]
    public async Task Submit_BeyondTheNodesMemory_IsRefused()
    {
        var small = new SubmitTask(_shelf, _shelf, _shelf, _shelf, _shelf, _shelf, _clearing, _index, new OpenAuction(_shelf, new BiddingPolicy.Posted(), 10, _cell.Self, TaskSamples.Ids), _cell, new TaskSealing(null), maxMemoryBytes: 1 << 20, TaskSamples.Ids, TimeProvider.System, new Random(1), new NoSuppliers());

        (await small.SubmitAsync(_owner, Request(), null, _ => null, null, Stop)).Refusal!.Code.ShouldBe(TaskRefusal.LimitsInvalid);
    }

    [Theory]
    [InlineData("{}", "rows")]
    [InlineData("[]", "")]
    [InlineData("""{"rows": [{"age": -1}]}""", "/input/rows/0/age")]
    [InlineData("""{"rows": [], "extra": 1}""", "extra")]
    [InlineData("not JSON", "JSON")]
    [InlineData("", "JSON")]
    public async Task Submit_OfAnInputThatDoesNotFitTheSchema_SaysWhere(string input, string where)
    {
        _shelf.Agent = Agent(TaskSamples.Manifest(Schema));

        var refusal = (await SubmitAsync(Request(input))).Refusal.ShouldNotBeNull();

        refusal.Code.ShouldBe(TaskRefusal.InputInvalid);
        string.Join("\n", refusal.Errors.Select(error => error.Pointer + " " + error.Reason)).ShouldContain(where);
    }

    [Fact]
    public async Task Submit_OfABombOfBrackets_IsRefused()
    {
        _shelf.Agent = Agent(TaskSamples.Manifest(Schema));

        (await SubmitAsync(Request(new string('[', 500_000) + new string(']', 500_000)))).Refusal!.Code.ShouldBe(TaskRefusal.InputInvalid);
    }

    [Fact]
    public async Task Submit_OfAFittingInput_IsTaken()
    {
        _shelf.Agent = Agent(TaskSamples.Manifest(Schema));

        (await SubmitAsync(Request("""{"rows": [{"age": 7}], "title": "ages"}"""))).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Submit_OfABlob_NeedsItToBeHereAndReadable()
    {
        var bytes = Encoding.UTF8.GetBytes("a blob");
        var request = Request() with { Input = new RequestedInput.Stored(ContentHash.Of(bytes)) };

        (await SubmitAsync(request)).Refusal!.Code.ShouldBe(TaskRefusal.InputUnknown);
        _shelf.Blobs[ContentHash.Of(bytes)] = bytes;
        (await SubmitAsync(request)).Refusal!.Code.ShouldBe(TaskRefusal.InputUnknown);
        _shelf.Grants.Add((ContentHash.Of(bytes), _owner));
        (await SubmitAsync(request)).Value.Task.Input.ShouldBe(new TaskInput(ContentHash.Of(bytes), bytes.Length, IsInline: false));
    }

    [Fact]
    public async Task Submit_OfABlobThatIsNotPaidFor_IsRefused()
    {
        var bytes = Encoding.UTF8.GetBytes("a blob");
        _shelf.Blobs[ContentHash.Of(bytes)] = bytes;
        _shelf.Grants.Add((ContentHash.Of(bytes), _owner));
        _shelf.Unpaid = "It is not paid for.";

        var refusal = (await SubmitAsync(Request() with { Input = new RequestedInput.Stored(ContentHash.Of(bytes)) })).Refusal.ShouldNotBeNull();

        (refusal.Code, refusal.Detail).ShouldBe((TaskRefusal.StorageUnpaid, "It is not paid for."));
        (await SubmitAsync(Request("inline"))).Refusal.ShouldBeNull();
    }

    public static TheoryData<TaskRefusal> Codes() =>
    [
        TaskRefusal.AgentUnknown, TaskRefusal.AgentWithdrawn, TaskRefusal.InputTooLarge, TaskRefusal.PriceOutOfRange, TaskRefusal.BudgetTooSmall, TaskRefusal.InsufficientFunds, TaskRefusal.IdempotencyKeyReused,
    ];

    [Theory]
    [MemberData(nameof(Codes))]
    public async Task Submit_InEachBadSituation_IsRefusedByItsName(TaskRefusal code)
    {
        var request = Request();
        switch (code)
        {
            case TaskRefusal.AgentUnknown:
                _shelf.Agent = null;
                break;
            case TaskRefusal.AgentWithdrawn:
                _shelf.Agent = null;
                _shelf.Withdrawn = new WithdrawnListing(request.Agent!, new Withdrawal(DateTimeOffset.UnixEpoch, null), null);
                break;
            case TaskRefusal.InputTooLarge:
                request = request with { Input = new RequestedInput.Inline(new byte[TaskInput.MaxInlineBytes + 1]) };
                break;
            case TaskRefusal.PriceOutOfRange:
                _shelf.Agent = Agent(TaskSamples.Manifest(price: new AgentPrice(Money.Zero, Money.Zero, Money.Parse("9000000000"))));
                break;
            case TaskRefusal.BudgetTooSmall:
                request = request with { MaxPrice = Money.Parse("0.001") };
                break;
            case TaskRefusal.InsufficientFunds:
                _shelf.Wallets.Clear();
                break;
            default:
                (await SubmitAsync(request, key: "k")).Refusal.ShouldBeNull();
                request = Request("other");
                break;
        }

        (await SubmitAsync(request, key: "k")).Refusal.ShouldNotBeNull().Code.ShouldBe(code);
    }

    [Fact]
    public async Task Submit_AgainWithTheSameKey_AnswersTheSameTaskEvenWhenTheAgentIsGone()
    {
        var first = (await SubmitAsync(Request(), key: "k")).Value;
        _shelf.Agent = null;

        var second = (await SubmitAsync(Request(), key: "k")).Value;

        (second.IsNew, second.Task.Id).ShouldBe((false, first.Task.Id));
        _shelf.Submissions.Count.ShouldBe(1);
    }

    [Fact]
    public void Hash_OfTheSameRequestInAnotherOrder_IsTheSame()
    {
        var one = Request() with { Parameters = new Dictionary<string, string> { ["a"] = "1", ["b"] = "2" } };
        var two = Request() with { Parameters = new Dictionary<string, string> { ["b"] = "2", ["a"] = "1" } };

        two.Hash().ShouldBe(one.Hash());
        (one with { Parameters = new Dictionary<string, string> { ["a"] = "1b", ["2"] = "" } }).Hash().ShouldNotBe(one.Hash());
        (one with { MaxPrice = Money.Zero }).Hash().ShouldNotBe(one.Hash());
        (one with { Limits = new RequestedLimits(Fuel: 1) }).Hash().ShouldNotBe(one.Hash());
    }

    [Fact]
    public async Task Quote_OfARequest_IsWhatASubmissionHolds()
    {
        var quote = (await _submit.QuoteAsync(_owner, Request(), Stop)).Value;

        quote.Parts.Total.ShouldBe((await SubmitAsync(Request())).Value.Task.MaxPrice);
    }

    [Fact]
    public async Task Submit_ToAnAgentWithTiers_HoldsByThePriority()
    {
        _shelf.Agent = Agent(TaskSamples.Manifest() with { Factors = new PriceFactors(500, 1_500, 3_000, Demand: null) });
        async Task<Money> HoldAsync(TaskPriority priority) => (await SubmitAsync(Request() with { Priority = priority })).Value.Task.MaxPrice;
        var normal = await HoldAsync(TaskPriority.Normal);

        (await HoldAsync(TaskPriority.Background)).ShouldBe(Money.MultiplyRatioRoundingUp(normal, 1, 2));
        (await HoldAsync(TaskPriority.High)).ShouldBe(Money.MultiplyRatioRoundingUp(normal, 3, 2));
        (await HoldAsync(TaskPriority.Urgent)).ShouldBe(normal * 3);
        _shelf.Submissions.ShouldAllBe(submission => submission.Demand == null);
    }

    [Theory]
    [InlineData(0, 0, 1_000)]
    [InlineData(2, 0, 1_000)]
    [InlineData(3, 0, 1_500)]
    [InlineData(400, 0, 2_000)]
    [InlineData(0, 400, 1_000)]
    [InlineData(1, 400, 1_500)]
    [InlineData(2, 2, 2_000)]
    public async Task Submit_ToAnAgentInDemand_FixesTheFactorOfItsLoad(int open, int own, int factor)
    {
        _shelf.Agent = Agent(TaskSamples.Manifest() with { Factors = PriceFactors.None with { Demand = new DemandFactor(2_000, 500, 4) } });
        (_shelf.Open, _shelf.OwnOpen) = (open, own);

        var quote = (await _submit.QuoteAsync(_owner, Request() with { Priority = TaskPriority.Urgent }, Stop)).Value;
        var task = (await SubmitAsync(Request() with { Priority = TaskPriority.Urgent })).Value.Task;

        _shelf.Submissions.ShouldHaveSingleItem().Demand.ShouldBe(factor);
        (quote.Parts.Factor, quote.Hold).ShouldBe((new PriceFactor(1_000, factor), task.MaxPrice));
        quote.Least.ShouldBe(new PriceFactor(1_000, factor).Apply(Money.Parse("0.001000003")));
    }

    [Fact]
    public async Task Submit_AboveTheBudgetForItsFactor_IsRefused()
    {
        _shelf.Agent = Agent(TaskSamples.Manifest() with { Factors = new PriceFactors(1_000, 1_000, 3_000, Demand: null) });
        var normal = (await _submit.QuoteAsync(_owner, Request(), Stop)).Value.Hold;

        (await SubmitAsync(Request() with { MaxPrice = normal })).Refusal.ShouldBeNull();
        (await SubmitAsync(Request() with { MaxPrice = normal, Priority = TaskPriority.Urgent })).Refusal!.Code.ShouldBe(TaskRefusal.BudgetTooSmall);
    }

    [Theory]
    [InlineData(0, null)]
    [InlineData(9, null)]
    [InlineData(10, 900)]
    [InlineData(100, 500)]
    public async Task Submit_ToAnAgentWithVolume_FixesTheFactorOfWhatWasPaidFor(long paid, int? volume)
    {
        _shelf.Agent = Agent(TaskSamples.Manifest() with { Factors = new PriceFactors(1_000, 1_000, 3_000, Demand: null) { Volume = s_volume } });
        _shelf.Paid["stoa/upper"] = paid;

        var quote = (await _submit.QuoteAsync(_owner, Request() with { Priority = TaskPriority.Urgent }, Stop)).Value;
        var task = (await SubmitAsync(Request() with { Priority = TaskPriority.Urgent })).Value.Task;

        var factor = new PriceFactor(3_000, 1_000, volume ?? 1_000);
        (task.Volume, quote.Parts.Factor, quote.Hold).ShouldBe((volume, factor, task.MaxPrice));
        quote.Least.ShouldBe(factor.Apply(Money.Parse("0.001000003")));
        // What is captured goes by the task, whatever the month comes to meanwhile.
        (TaskPricing.FactorOf(_shelf.Agent.Manifest.Factors, task.Priority, open: 0) with { Volume = task.Volume ?? 1_000 }).ShouldBe(factor);
    }

    [Fact]
    public async Task Submit_ToAnAgentWithoutVolume_AsksForNoCount()
    {
        _shelf.Paid["stoa/upper"] = 1_000;
        _index.Put(IndexedAgent.Of(_shelf.Agent!));

        var named = (await SubmitAsync(Request())).Value.Task;
        var chosen = (await SubmitAsync(Work())).Value.Task;

        (named.Volume, chosen.Volume, _shelf.PaidCounts).ShouldBe((null, null, 0));
    }

    [Fact]
    public async Task Submit_OfWork_HoldsTheChosenByItsVolumeAndTheNextBestWithout()
    {
        _shelf.Agent = Agent(TaskSamples.Manifest() with { Factors = PriceFactors.None with { Volume = s_volume } });
        _shelf.Paid["stoa/upper"] = 100;
        _index.Put(IndexedAgent.Of(_shelf.Agent));
        var full = (await SubmitAsync(Work() with { Auction = new AuctionTerms(100, OnNoBids.Fail) })).Value.Task;
        _shelf.PaidCounts.ShouldBe(0, "in an auction agents bid");

        var alone = (await SubmitAsync(Work())).Value.Task;

        (full.Volume, alone.Volume, _shelf.PaidCounts).ShouldBe((null, 500, 1));
        alone.MaxPrice.ShouldBe(Money.MultiplyRatioRoundingUp(full.MaxPrice, 1, 2));
        (await SubmitAsync(Work() with { MaxPrice = full.MaxPrice })).Value.Task.MaxPrice.ShouldBe(alone.MaxPrice);

        // By the time that it is asked for the month may be over.
        var other = Agent(TaskSamples.Manifest() with { Name = "other", Factors = _shelf.Agent.Manifest.Factors });
        _index.Put(IndexedAgent.Of(other));
        _shelf.Paid["stoa/other"] = 100;
        (await SubmitAsync(Work())).Value.Task.MaxPrice.ShouldBe(full.MaxPrice);
    }

    [Fact]
    public async Task Make_OfABatch_CountsOnce()
    {
        _shelf.Agent = Agent(TaskSamples.Manifest() with { Factors = PriceFactors.None with { Volume = s_volume } });
        _shelf.Paid["stoa/upper"] = 10;
        _index.Put(IndexedAgent.Of(_shelf.Agent));
        var counts = new SubmitTask.BatchCounts();
        var volumes = new List<int?>();
        foreach (var request in (TaskRequest[])[Request(), Request(), Work(), Work(), Request()])
        {
            volumes.Add((await _submit.MakeAsync(_owner, request, _submit.Remembering(), counts, traceParent: null, Stop)).Value.Task.Volume);
            _shelf.Paid["stoa/upper"] = 1_000;
        }

        // Once for the agent by its name, and once for all that may be chosen.
        volumes.ShouldBe([900, 900, 500, 500, 900]);
        _shelf.PaidCounts.ShouldBe(2);
    }

    private static TaskRequest Work() => Request() with { Agent = null, Requirement = new Requirement(TaskSamples.Manifest().Capabilities, null, null, 0, SelectionWeights.Default, Explores: false) };

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static TaskRequest Request(string input = "hello") => new(
        ListingName.Parse("stoa/upper"),
        new RequestedInput.Inline(Encoding.UTF8.GetBytes(input)),
        new Dictionary<string, string>(),
        RequestedLimits.None,
        MaxPrice: null);

    private static AgentVersion Agent(AgentManifest manifest) => new(
        TaskSamples.Ids.Next<AgentVersion>(), TaskSamples.Ids.Next<User>(), "stoa", manifest, ContentHash.Of("artifact"u8), ContentHash.Of("program"u8), 7, TaskSamples.Now);

    private Task<Outcome<Submitted, TaskRefusal>> SubmitAsync(TaskRequest request, string? key = null) =>
        _submit.SubmitAsync(_owner, request, key, _ => null, null, Stop);
}
