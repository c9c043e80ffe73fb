using System.Text.Json;
using Stoa.Market.Identity;
using Stoa.Market.SingleSignOn;

namespace Stoa.Market.Tests.SingleSignOn;

public sealed class SingleSignOnTests
{
    private static readonly IdentityProvider s_provider = new(
        default, "https://login.example.org", "stoa", ["example.org"], false, "groups",
        new Dictionary<string, OrganisationRole> { ["makers"] = OrganisationRole.Developer, ["bosses"] = OrganisationRole.Admin, ["guests"] = OrganisationRole.Viewer }, [], default);

    [Fact]
    public void Challenge_IsTheOneOfRfc7636_AndMetByItsVerifierAlone()
    {
        // RFC 7636, appendix B.
        const string verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        const string challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

        CodeChallenge.Of(verifier).ShouldBe(challenge);
        CodeChallenge.IsMet(challenge, verifier).ShouldBeTrue();
        foreach (var other in new[] { "", challenge, verifier + "x", verifier[..42], verifier + new string('x', 100), verifier[..42] + "ä", verifier[..42] + " " })
            CodeChallenge.IsMet(challenge, other).ShouldBeFalse(other);
        CodeChallenge.IsMet(CodeChallenge.Of("short"), "short").ShouldBeFalse("a verifier has 43 characters at least");
    }

    [Theory]
    [InlineData("", OrganisationRole.Viewer)]
    [InlineData("strangers", OrganisationRole.Viewer)]
    [InlineData("guests makers", OrganisationRole.Developer)]
    [InlineData("bosses makers", OrganisationRole.Admin)]
    [InlineData("Bosses MAKERS", OrganisationRole.Viewer)]
    public void Role_IsTheHighestOfTheValues(string values, OrganisationRole role)
    {
        s_provider.RoleOf(values.Split(' ')).ShouldBe(role);
        (s_provider with { RoleClaim = null }).RoleOf(values.Split(' ')).ShouldBeNull();
    }

    [Theory]
    [InlineData("Grace Hopper", "g@example.org", "grace-hopper")]
    [InlineData("grace@example.org", "x@example.org", "grace")]
    [InlineData("Zoë--Straße", "z@example.org", "zoe-strae")]
    [InlineData("Zoë Ångström", "z@example.org", "zoe-angstrom")]
    [InlineData("Ze\u0301 Nguyễn", "z@example.org", "ze-nguyen")]
    [InlineData("--a--", "second@example.org", "second")]
    [InlineData(null, "a.b+c@example.org", "a-b-c")]
    [InlineData("../../etc", "x@example.org", "etc")]
    [InlineData("漢", "漢@example.org", "member")]
    public void Handle_IsMadeOfTheName(string? preferred, string email, string handle)
    {
        var candidates = ProvenHandle.Candidates(preferred, email, new Random(1)).ToList();

        candidates[0].ShouldBe(handle);
        candidates[1].ShouldBe(handle + "-2");
        candidates.ShouldAllBe(candidate => Names.IsHandle(candidate));
        candidates.ShouldBeUnique();
    }

    [Fact]
    public void Handle_ThatIsReserved_IsNotGivenOut()
    {
        ProvenHandle.Candidates("stoa", "x@example.org", new Random(1)).First().ShouldBe("stoa-2");
        foreach (var name in new[] { "erased", "erased-01abc" })
            ProvenHandle.Candidates(name, "x@example.org", new Random(1)).ShouldAllBe(candidate => !candidate.StartsWith(ErasureRules.HandlePrefix));
        ProvenHandle.Candidates("erasedly", "x@example.org", new Random(1)).First().ShouldBe("erasedly");
        ProvenHandle.Candidates(new string('x', 300), "x@example.org", new Random(1)).ShouldAllBe(candidate => candidate.Length <= 39);
    }

    [Theory]
    [InlineData("""{"sub":"1","email":"a@example.org","email_verified":true}""", null, null)]
    [InlineData("""{"sub":"1","email":"a@example.org"}""", null, SingleSignOnRefusal.SignOnEmailRefused)]
    [InlineData("""{"sub":"1","email":"a@example.org","email_verified":1}""", null, SingleSignOnRefusal.SignOnEmailRefused)]
    [InlineData("""{"sub":"1","email":["a@example.org"],"email_verified":true}""", null, SingleSignOnRefusal.SignOnEmailRefused)]
    [InlineData("""{"sub":1,"email":"a@example.org","email_verified":true}""", null, SingleSignOnRefusal.IdTokenInvalid)]
    [InlineData("""{"sub":"1"}""", """{"sub":"1","email":"a@example.org","email_verified":true}""", null)]
    [InlineData("""{"sub":"1"}""", """{"sub":"2","email":"a@example.org","email_verified":true}""", SingleSignOnRefusal.IdTokenInvalid)]
    [InlineData("""{"sub":"1"}""", """{"email":"a@example.org","email_verified":true}""", SingleSignOnRefusal.IdTokenInvalid)]
    [InlineData("""{"sub":"1","email":"a@example.org"}""", """{"sub":"1","email":"b@example.org","email_verified":true}""", SingleSignOnRefusal.SignOnEmailRefused)]
    public void Claims_SayWhoItIs_OrNothing(string idToken, string? userInfo, SingleSignOnRefusal? refusal)
    {
        var read = SignOnClaims.Read(s_provider, Json(idToken), userInfo is null ? null : Json(userInfo));

        (read.Refusal?.Code).ShouldBe(refusal);
        if (refusal is null)
            read.Value.ShouldBe(new ProvenIdentity("https://login.example.org", "1", "a@example.org", null, OrganisationRole.Viewer));
        else
            read.Refusal.ShouldNotBeNull();
    }

    [Fact]
    public void Rules_TakeAProviderThatIsAsItMustBe_AndPrivateOnesWhereTheyMay()
    {
        var strict = new IdentityProviderRules(AllowHttp: false, AllowPrivateAddresses: false);
        strict.Check(s_provider, "secret").ShouldBeEmpty();
        strict.Check(s_provider with { Issuer = "https://login.example.org/realms/acme/" }, null).ShouldBeEmpty();
        foreach (var issuer in new[] { "http://localhost:8080", "http://127.0.0.1" })
        {
            strict.Check(s_provider with { Issuer = issuer }, null).Count.ShouldBe(2);
            new IdentityProviderRules(true, true).Check(s_provider with { Issuer = issuer }, null).ShouldBeEmpty();
        }

        strict.Check(s_provider with { Domains = [] }, null).Single().Pointer.ShouldBe("/domains");
        strict.Check(s_provider with { RoleClaim = null }, null).Single().Pointer.ShouldBe("/roles");
        strict.Check(s_provider with { Roles = new Dictionary<string, OrganisationRole>() }, null).Single().Pointer.ShouldBe("/roles");
    }

    private static JsonElement Json(string text) => JsonSerializer.Deserialize<JsonElement>(text);
}
