using Stoa.Market.Identity;

namespace Stoa.Market.Tests.Identity;

public sealed class RegistrationRulesTests
{
    private const string Handle = "ada";
    private const string Email = "ada@example.org";
    private const string Password = "correct horse battery";

    [Theory]
    [InlineData("ab")]
    [InlineData("7up")]
    [InlineData("a-b-c")]
    [InlineData("abcdefghijabcdefghijabcdefghijabcdefghi")]
    public void Handle_ThatIsGood_HasNoFault(string handle) => RegistrationRules.Check(handle, Email, Password).ShouldBeEmpty();

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("Ada")]
    [InlineData("-ada")]
    [InlineData("ada-")]
    [InlineData("a_b")]
    [InlineData("ada\n")]
    [InlineData("äda")]
    [InlineData("abcdefghijabcdefghijabcdefghijabcdefghij")]
    [InlineData("stoa")]
    [InlineData("me")]
    [InlineData("erased-somebody")]
    public void Handle_ThatIsNot_HasOne(string handle) => RegistrationRules.Check(handle, Email, Password).Single().Pointer.ShouldBe("/handle");

    [Theory]
    [InlineData("")]
    [InlineData("ada")]
    [InlineData("ada@")]
    [InlineData("@example.org")]
    [InlineData("ada@localhost")]
    [InlineData("Ada <ada@example.org>")]
    [InlineData("ada@example.org, bob@example.org")]
    public void Email_ThatIsNone_HasAFault(string email) => RegistrationRules.Check(Handle, email, Password).Single().Pointer.ShouldBe("/email");

    [Theory]
    [InlineData("short", 1)]
    [InlineData("aaaaaaaaaaaa", 1)]
    [InlineData("aaa", 2)]
    [InlineData("", 2)]
    public void Password_ThatIsWeak_IsToldEveryReason(string password, int reasons)
    {
        var faults = RegistrationRules.Check(Handle, Email, password);

        faults.Count.ShouldBe(reasons);
        faults.ShouldAllBe(fault => fault.Pointer == "/password");
    }

    [Theory]
    [InlineData("lovelace", "x@example.org", "my-LoveLace-secret")]
    [InlineData("x1", "lovelace@example.org", "my-lovelace-secret")]
    public void Password_WithTheNameInIt_IsRefused(string handle, string email, string password) =>
        RegistrationRules.Check(handle, email, password).Single().Reason.ShouldContain("does not contain");

    [Fact]
    public void Password_ThatIsTooLong_IsRefused() =>
        RegistrationRules.Check(Handle, Email, string.Concat(Enumerable.Repeat("abcdef", 22))).ShouldHaveSingleItem();

    [Fact]
    public void Everything_Wrong_IsToldAtOnce() =>
        RegistrationRules.Check("", "", "").Select(fault => fault.Pointer).Distinct().ShouldBe(["/handle", "/email", "/password"]);
}
