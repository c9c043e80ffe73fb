using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Identity;

/// <summary>What roles and scopes give, and what they never give.</summary>
public sealed class RightsTests
{
    private static readonly IdSource s_ids = new(TimeProvider.System, new Random(1));

    [Fact]
    public void Words_OfPermissions_AreUniqueAndReadBack()
    {
        foreach (var permission in Enum.GetValues<Permission>())
        {
            PermissionSet.TryParseWord(PermissionSet.WordOf(permission), out var read).ShouldBeTrue();
            read.ShouldBe(permission);
        }

        PermissionSet.WordOf(Permission.OrganisationManage).ShouldBe("organisation:manage");
        PermissionSet.TryParse(PermissionSet.All.ToString(), null, out var all).ShouldBeTrue();
        all.ShouldBe(PermissionSet.All);
        PermissionSet.TryParse("tasks:read everything", null, out _).ShouldBeFalse();
    }

    [Fact]
    public void Role_HasAllThatTheLowerOneHas()
    {
        Rights.OfMember(OrganisationRole.Viewer).IsWithin(Rights.OfMember(OrganisationRole.Developer)).ShouldBeTrue();
        Rights.OfMember(OrganisationRole.Developer).IsWithin(Rights.OfMember(OrganisationRole.Admin)).ShouldBeTrue();
        Rights.OfPerson(UserRole.Member).IsWithin(Rights.OfPerson(UserRole.Admin)).ShouldBeTrue();
    }

    [Fact]
    public void Nobody_AdministersTheNodeInTheNameOfAnOrganisation()
    {
        foreach (var role in Enum.GetValues<OrganisationRole>())
            Rights.OfMember(role).And(PermissionSet.Of(Permission.NodeAdmin, Permission.AccountManage)).Count.ShouldBe(0);
        Rights.OfPerson(UserRole.Member).Contains(Permission.NodeAdmin).ShouldBeFalse();
    }

    [Fact]
    public void Key_MayNoMoreThanItsScopes_ThanItsMakerNow_AndThanItsSpendingLimitAllows()
    {
        var key = Key(PermissionSet.Of(Permission.TasksRead, Permission.TasksSubmit, Permission.SchedulesManage));

        Rights.OfKey(key, Rights.OfMember(OrganisationRole.Developer), ofOrganisation: true).ShouldBe(key.Scopes!.Value);
        Rights.OfKey(key, Rights.OfMember(OrganisationRole.Viewer), ofOrganisation: true).ShouldBe(PermissionSet.Of(Permission.TasksRead));
        Rights.OfKey(key with { SpendPerDay = Money.Zero }, Rights.OfMember(OrganisationRole.Admin), ofOrganisation: true)
            .ShouldBe(PermissionSet.Of(Permission.TasksRead, Permission.TasksSubmit));
        Rights.OfKey(key with { Scopes = null }, Rights.OfMember(OrganisationRole.Admin), ofOrganisation: true).Contains(Permission.OrganisationLeave).ShouldBeFalse();
    }

    [Theory]
    [InlineData("1969-12-31T23:59:59.999Z", -1)]
    [InlineData("1970-01-01T00:00:00Z", 0)]
    [InlineData("2026-11-28T23:59:59.999Z", 20785)]
    [InlineData("2026-11-29T01:00:00+01:00", 20786)]
    public void Day_IsThatOfUtc(string instant, long day) =>
        SpendingAllowance.DayOf(DateTimeOffset.Parse(instant, System.Globalization.CultureInfo.InvariantCulture)).ShouldBe(day);

    private static ApiKey Key(PermissionSet scopes) =>
        new(s_ids.Next<ApiKey>(), s_ids.Next<User>(), "k", "stoa_k", ContentHash.Of("k"u8), DateTimeOffset.UnixEpoch, null, null) { Scopes = scopes };
}
