using System.Text.Json;
using Stoa.Llama.Engine;
using Stoa.Llama.Grammars;
using Stoa.Llama.Tests.Engine;

namespace Stoa.Llama.Tests.Grammars;

/// <summary>Grammars of JSON Schemas; llama.cpp reads them.</summary>
public sealed class SchemaGrammarTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    [Theory]
    [Trait("needs", "node")]
    [InlineData("""{ "type": "object" }""")]
    [InlineData("""{ "type": "object", "additionalProperties": { "type": "integer" } }""")]
    [InlineData("""{ "properties": { "a\"\\b": { "const": { "x": [1, "ü\n"] } } }, "required": ["z"] }""")]
    [InlineData("""{ "type": ["string", "null"], "description": "of a thing" }""")]
    [InlineData("""{ "anyOf": [{ "type": "boolean" }, { "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 }] }""")]
    [InlineData("""{ "type": "object", "properties": { "a": true, "b": {}, "c": { "type": "string", "minLength": 1 } }, "required": ["b"], "additionalProperties": false }""")]
    [InlineData("""{ "$ref": "#/$defs/node", "$defs": { "node": { "type": "object", "properties": { "next": { "anyOf": [{ "$ref": "#/$defs/node" }, { "type": "null" }] } }, "required": ["next"] } } }""")]
    public async Task Schema_BecomesAGrammarThatIsRead(string schema)
    {
        var model = await fixture.LoadAsync();

        TokenSampler.CheckGrammar(model, SchemaGrammar.Of(JsonDocument.Parse(schema).RootElement));
    }

    [Theory]
    [InlineData("""{ "type": "string", "pattern": "^a" }""", "'pattern'")]
    [InlineData("""{ "type": "object", "properties": { "age": { "type": "integer", "minimum": 3 } } }""", "/properties/age")]
    [InlineData("""{ "$ref": "https://example.com/schema" }""", "$ref")]
    [InlineData("""{ "$ref": "#/$defs/none" }""", "nothing is there")]
    [InlineData("""{ "$ref": "#" }""", "itself")]
    [InlineData("""{ "type": "thing" }""", "no type 'thing'")]
    [InlineData("""{ "type": "array", "minItems": 3, "maxItems": 2 }""", "less than")]
    [InlineData("""{ "type": "string", "maxLength": 1000000 }""", "maxLength")]
    [InlineData("""{ "enum": [] }""", "enum")]
    [InlineData("3", "object")]
    [InlineData("""{ "$ref": "#/$defs/a", "$defs": { "a": { "anyOf": [{ "$ref": "#/$defs/a" }, { "type": "null" }] } } }""", "begin alike")]
    [InlineData("""{ "$ref": "#/$defs/a", "$defs": { "a": { "anyOf": [{ "properties": { "x": { "$ref": "#/$defs/a" } } }, { "properties": { "y": { "type": "null" } } }] } } }""", "begin alike")]
    // The open one is said to be an object, and is an array: both choices inside it begin alike.
    [InlineData("""{ "$ref": "#/$defs/A", "$defs": { "A": { "type": "object", "anyOf": [{ "type": "array", "items": { "anyOf": [{ "$ref": "#/$defs/A" }, { "type": "array", "items": { "$ref": "#/$defs/A" } }] } }] } } }""", "begin alike")]
    public void Schema_ThatCannotBeHeldTo_IsRefused(string schema, string reason) =>
        Should.Throw<SchemaFaultException>(() => SchemaGrammar.Of(JsonDocument.Parse(schema).RootElement)).Message.ShouldContain(reason);

    [Fact]
    public void Reference_ThatIsWrittenInAnotherWay_IsTheSameOne()
    {
        const string one = """{ "anyOf": [{ "properties": { "a": { "$ref": "#/$defs/t" } } }, { "type": "array", "items": { "$ref": "#/$defs/t" } }], "$defs": { "t": { "const": "a long text" } } }""";

        var other = SchemaGrammar.Of(JsonDocument.Parse(one.Replace("\"items\": { \"$ref\": \"#/$defs/t\" }", "\"items\": { \"$ref\": \"#/%24defs/%74\" }", StringComparison.Ordinal)).RootElement);

        other.ShouldBe(SchemaGrammar.Of(JsonDocument.Parse(one).RootElement));
    }

    [Fact]
    public void Schema_ThatIsTooDeepOrTooLarge_IsRefused()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"type\":\"array\",\"items\":", 60)) + "true" + new string('}', 60);
        var alternatives = $"{{\"enum\":[{string.Join(',', Enumerable.Range(0, 600).Select(number => $"\"{number}\""))}]}}";
        // Each of forty definitions is one of two that are alike: so many ways that nobody counts them.
        var ways = $"{{\"$ref\":\"#/$defs/d0\",\"$defs\":{{{string.Join(',', Enumerable.Range(0, 40).Select(number => $"\"d{number}\":{{\"anyOf\":[{{\"properties\":{{\"a\":{{\"$ref\":\"#/$defs/d{number + 1}\"}}}}}},{{\"properties\":{{\"b\":{{\"$ref\":\"#/$defs/d{number + 1}\"}}}}}}]}}"))},\"d40\":true}}}}";
        var large = $"{{\"properties\":{{{string.Join(',', Enumerable.Range(0, 5_000).Select(number => $"\"p{number}\":true"))}}}}}";

        // The same long text by many names of one place, and by itself.
        var text = new string('x', 200_000);
        var named = $"{{\"properties\":{{{string.Join(',', Enumerable.Range(0, 40).Select(number => $"\"p{number}\":{{\"const\":\"{text}\"}}"))}}}}}";
        var alone = $"{{\"const\":\"{text}{text}\"}}";

        foreach (var schema in (string[])[deep, large, alternatives, ways, named, alone])
            Should.Throw<SchemaFaultException>(() => SchemaGrammar.Of(JsonDocument.Parse(schema, new JsonDocumentOptions { MaxDepth = 256 }).RootElement));
    }
}
