using System.Text;
using Stoa.Market.Registry;

namespace Stoa.Market.Tests.Registry;

[Trait("speed", "slow")]
public sealed class PortSchemaTests
{
    [Theory]
    [InlineData("""{"not": {"$ref": "#"}}""")]
    [InlineData("""{"$ref": "#"}""")]
    [InlineData("""{"anyOf": [{"$ref": "#"}, {"type": "string"}]}""")]
    [InlineData("""{"properties": {"a": {"$ref": "#/definitions/x"}}, "definitions": {"x": {"oneOf": [{"type": "null"}, {"$ref": "#/definitions/y"}]}, "y": {"not": {"$ref": "#/definitions/x"}}}}""")]
    public void Check_OfASchemaThatAppliesToItsOwnValueAgain_IsRefused(string schema)
    {
        PortSchema.Check(schema).ShouldNotBeEmpty();
        PortSchema.Validate(schema, "1"u8.ToArray()).ShouldHaveSingleItem().Reason.ShouldContain("publisher");
    }

    [Fact]
    public void Check_OfALongChain_IsRefused()
    {
        var links = Enumerable.Range(0, 40).Select(i => $"\"d{i}\": {{\"anyOf\": [{{\"$ref\": \"#/definitions/d{i + 1}\"}}]}}");

        PortSchema.Check($"{{\"$ref\": \"#/definitions/d0\", \"definitions\": {{{string.Join(',', links)}, \"d40\": {{}}}}}}").ShouldNotBeEmpty();
    }

    [Fact]
    public void Check_OfATree_IsFine()
    {
        const string tree = """{"type": "object", "properties": {"next": {"$ref": "#"}, "left": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}}}""";

        PortSchema.Check(tree).ShouldBeEmpty();
        PortSchema.Validate(tree, Encoding.UTF8.GetBytes("""{"next": {"next": {}}, "left": null}""")).ShouldBeEmpty();
        PortSchema.Validate(tree, Encoding.UTF8.GetBytes("""{"next": {"next": 1}}""")).ShouldNotBeEmpty();
    }

    [Fact]
    public void Validate_OfADeepInputAgainstASchemaThatAppliesItselfTwice_GivesUp()
    {
        const string twice = """{"type": "array", "items": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}""";
        PortSchema.Check(twice).ShouldBeEmpty();

        PortSchema.Validate(twice, Nested(5)).ShouldBeEmpty();
        PortSchema.Validate(twice, Nested(60)).ShouldHaveSingleItem().Reason.ShouldContain("too long");

        static byte[] Nested(int levels) => Encoding.UTF8.GetBytes(new string('[', levels) + new string(']', levels));
    }

    [Theory]
    [InlineData("allOf", "string")]
    [InlineData("anyOf", "number")]
    [InlineData("oneOf", "string")]
    public void Validate_AgainstAShortChainOfManyBranches_GivesUp(string combination, string type)
    {
        const int links = 6;
        var branches = Enumerable.Range(0, links).Select(link =>
            $"\"d{link}\": {{\"{combination}\": [{string.Join(',', Enumerable.Repeat($"{{\"$ref\": \"#/definitions/d{link + 1}\"}}", 40))}]}}");
        var schema = $"{{\"$ref\": \"#/definitions/d0\", \"definitions\": {{{string.Join(',', branches)}, \"d{links}\": {{\"type\": \"{type}\"}}}}}}";
        PortSchema.Check(schema).ShouldBeEmpty();

        PortSchema.Validate(schema, "\"x\""u8.ToArray()).ShouldHaveSingleItem().Reason.ShouldContain("too long");
    }

    [Fact]
    public void Validate_OfAPatternThatIsSlowOnEachItem_GivesUp()
    {
        const string schema = """{"items": {"type": "string", "pattern": "^(a|aa)+$"}}""";
        var slow = new string('a', 29) + "b";

        var reason = PortSchema.Validate(schema, Encoding.UTF8.GetBytes($"[{string.Join(',', Enumerable.Repeat($"\"{slow}\"", 10_000))}]")).ShouldHaveSingleItem().Reason;

        reason.ShouldContain("too long");
    }

    [Fact]
    public void Validate_OfTooManyValues_IsRefusedBeforeTheLibraryReadsThem()
    {
        // With the array itself just as many as are read, and one more.
        PortSchema.Validate("{}", Ones(499_999)).ShouldBeEmpty();
        PortSchema.Validate("{}", Ones(500_000)).ShouldHaveSingleItem().Reason.ShouldContain("At most 500,000 values");
        PortSchema.Validate("{}", "[1"u8.ToArray()).ShouldHaveSingleItem().Reason.ShouldContain("JSON");
        PortSchema.Validate("{}", "[1] 2"u8.ToArray()).ShouldHaveSingleItem().Reason.ShouldContain("JSON");
        PortSchema.Validate("{}", ""u8.ToArray()).ShouldHaveSingleItem().Reason.ShouldContain("JSON");

        static byte[] Ones(int count) => Encoding.UTF8.GetBytes($"[{string.Join(',', Enumerable.Repeat('1', count))}]");
    }

    [Fact]
    public void Validate_OfALargeInput_HasTheStepsThatItNeeds()
    {
        const string schema = """{"items": {"type": "object", "required": ["n"], "properties": {"n": {"anyOf": [{"type": "null"}, {"type": "integer"}]}}}}""";

        PortSchema.Validate(schema, Encoding.UTF8.GetBytes($"[{string.Join(',', Enumerable.Repeat("{\"n\": 12}", 20_000))}]")).ShouldBeEmpty();
    }
}
