using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Tasks;

namespace Stoa.Node.Tests.Registry.Statements;

/// <summary>What publishers say of their listings beside publishing and withdrawing them.</summary>
public sealed class OwnListingsTests : IAsyncLifetime
{
    private TestNode _node = null!;
    private StoaClient _ada = null!;
    private StoaClient _ben = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync();
        (_ada, _ben) = (await _node.JoinAsync("ada"), await _node.JoinAsync("ben"));
        await TestNode.PublishAsync(_ada, "old", GuestPrograms.Echo);
    }

    public async ValueTask DisposeAsync()
    {
        _ada.Dispose();
        _ben.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Deprecation_OfAListingOrAVersion_IsSaidAndTakenBack()
    {
        await TestNode.PublishAsync(_ada, "new", GuestPrograms.Echo);
        var listing = AgentReference.Parse("ada/old");

        var deprecated = await _ada.DeprecateListingAsync(listing, new DeprecateListingRequest("It is slow.", "ada/new"), Stop);

        var key = deprecated.Publisher.Key;
        (deprecated.Deprecation!.Reason, deprecated.Deprecation.Instead).ShouldBe(("It is slow.", $"{key}/new"));
        (await _ada.SearchListingsAsync(new ListingQuery("old"), cancellationToken: Stop)).Items.ShouldHaveSingleItem().Deprecation!.Reason.ShouldBe("It is slow.");
        (await _node.RunAsync("ada/old@1.0.0")).State.ShouldBe("succeeded", "it still works");

        (await _ada.DeprecateListingAsync(AgentReference.Parse("ada/old@1.0.0"), new DeprecateListingRequest(Instead: $"{key}/new@1.0.0"), Stop)).Versions[0].Deprecation!.Instead.ShouldBe($"{key}/new@1.0.0");
        (await _ada.UndeprecateListingAsync(listing, Stop)).ShouldSatisfyAllConditions(now => now.Deprecation.ShouldBeNull(), now => now.Versions[0].Deprecation.ShouldNotBeNull());
        (await _ada.UndeprecateListingAsync(AgentReference.Parse("ada/old@1.0.0"), Stop)).Versions[0].Deprecation.ShouldBeNull();
    }

    [Fact]
    public async Task Deprecation_ThatCannotBeMeant_IsRefused()
    {
        var nothing = new DeprecateListingRequest();
        (await CodeAsync(() => _ben.DeprecateListingAsync(AgentReference.Parse("ada/old"), nothing, Stop))).ShouldBe("ownListingUnknown");
        (await CodeAsync(() => _ada.DeprecateListingAsync(AgentReference.Parse("ada/other"), nothing, Stop))).ShouldBe("ownListingUnknown");
        (await CodeAsync(() => _ada.DeprecateListingAsync(AgentReference.Parse("ada/old@2.0.0"), nothing, Stop))).ShouldBe("ownListingUnknown");
        (await CodeAsync(() => _ada.DeprecateListingAsync(AgentReference.Parse("ada/old"), new(Instead: "nobody/new"), Stop))).ShouldBe("successorUnknown");
        (await CodeAsync(() => _ada.DeprecateListingAsync(AgentReference.Parse("ada/old"), new(Instead: "ada/old"), Stop))).ShouldBe("successorUnknown");
        (await CodeAsync(() => _ada.DeprecateListingAsync(AgentReference.Parse("ada/old"), new(Instead: "??"), Stop))).ShouldBe("requestInvalid");
        (await CodeAsync(() => _ada.DeprecateListingAsync(AgentReference.Parse("ada/old"), new(Reason: "two\nlines"), Stop))).ShouldBe("requestInvalid");
    }

    [Fact]
    public async Task Transfer_HoldsOnceBothSaySo_AndMayBeTakenBackByEither()
    {
        await TestNode.PublishAsync(_ben, "fresh", GuestPrograms.Echo);
        var (old, fresh) = (AgentReference.Parse("ada/old"), AgentReference.Parse("ben/fresh"));

        (await _ada.TransferListingAsync(old, new TransferListingRequest(To: "ben/fresh"), Stop)).MovedTo.ShouldBeNull("nobody is given a listing that he does not want");
        (await FoundAsync()).ShouldBe(["fresh", "old"], ignoreOrder: true);
        var taken = await _ben.TransferListingAsync(fresh, new TransferListingRequest(From: "ada/old"), Stop);
        var given = await _ada.GetListingAsync("ada", "old", Stop);
        (given.MovedTo, given.MovedFrom, taken.MovedTo, taken.MovedFrom).ShouldBe((taken.Listing, null, null, given.Listing));
        (await FoundAsync()).ShouldBe(["fresh"]);
        given.Newest.ShouldBe("1.0.0", "versions keep their names");

        // A version that is published later does not bring it back.
        await TestNode.PublishAsync(_ada, "old", GuestPrograms.Echo, version: "1.1.0");
        (await FoundAsync()).ShouldBe(["fresh"]);
        (await _ben.TakeTransferBackAsync(fresh, Stop)).MovedFrom.ShouldBeNull();
        (await FoundAsync()).ShouldBe(["fresh", "old"], ignoreOrder: true);

        // The other way round: who takes it is the first to say so, and who gave it takes it back.
        await _ben.TransferListingAsync(fresh, new TransferListingRequest(From: given.Listing), Stop);
        (await FoundAsync()).ShouldBe(["fresh"]);
        (await _ada.TakeTransferBackAsync(old, Stop)).MovedTo.ShouldBeNull();
        (await FoundAsync()).ShouldBe(["fresh", "old"], ignoreOrder: true);
        (await _ada.TransferListingAsync(old, new TransferListingRequest(To: taken.Listing), Stop)).MovedTo.ShouldBe(taken.Listing);
    }

    [Fact]
    public async Task Transfer_ThatCannotBeMeant_IsRefused()
    {
        (await CodeAsync(() => _ada.TransferListingAsync(AgentReference.Parse("ada/old"), new(), Stop))).ShouldBe("requestInvalid");
        (await CodeAsync(() => _ada.TransferListingAsync(AgentReference.Parse("ada/old"), new(To: "ben/aa@1.0.0"), Stop))).ShouldBe("requestInvalid");
        (await CodeAsync(() => _ada.TransferListingAsync(AgentReference.Parse("ada/old"), new(To: "nobody/aa"), Stop))).ShouldBe("successorUnknown");
        (await CodeAsync(() => _ada.TransferListingAsync(AgentReference.Parse("ada/old"), new(To: "ada/old"), Stop))).ShouldBe("successorUnknown");
        (await CodeAsync(() => _ben.TransferListingAsync(AgentReference.Parse("ada/old"), new(To: "ada/other"), Stop))).ShouldBe("ownListingUnknown");
    }

    private async Task<IEnumerable<string>> FoundAsync() =>
        (await _ada.SearchListingsAsync(new ListingQuery { Capabilities = ["test.run"] }, cancellationToken: Stop)).Items.Select(item => item.Name);

    private static async Task<string> CodeAsync(Func<Task> act) => (await Should.ThrowAsync<StoaException>(act)).Code;
}
