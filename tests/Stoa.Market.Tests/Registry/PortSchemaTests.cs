using System.Text;
using Stoa.Market.Registry;

namespace Stoa.Market.Tests.Registry;

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
}
