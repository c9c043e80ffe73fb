using System.Text.Json;
using System.Text.Json.Nodes;
using Stoa.Market.Identity;
using Stoa.Market.Templates;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Templates;

public sealed class TemplateBlanksTests
{
    private const string Task = """
        {"agent":"stoa/{{agent}}","input":{"json":{"width":"{{width}}","title":"{{title}} at {{width}}","deep":[{"on":"{{on}}"}]}},"parameters":{"json":"{{width}}"}}
        """;

    private static readonly TemplateParameter[] s_parameters =
    [
        new("agent", ParameterType.Text, null, Json("\"image-resize\"")),
        new("width", ParameterType.Integer, "Pixels.", null),
        new("title", ParameterType.Text, null, Json("\"\"")),
        new("on", ParameterType.Boolean, null, Json("true")),
    ];

    [Fact]
    public void Blanks_AreFilledInWithValuesAndDefaults()
    {
        var filled = Fill("""{"width":640,"title":"A \"title\", {{width}}"}""").Value;

        filled.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }).ShouldBe(
            """{"agent":"stoa/image-resize","input":{"json":{"width":640,"title":"A \"title\", {{width}} at 640","deep":[{"on":true}]}},"parameters":{"json":"640"}}""");
    }

    [Theory]
    [InlineData("{}", "/parameters/width", "no default")]
    [InlineData("""{"width":"640"}""", "/parameters/width", "whole number")]
    [InlineData("""{"width":6.5}""", "/parameters/width", "whole number")]
    [InlineData("""{"width":1,"on":"yes"}""", "/parameters/on", "True or false")]
    [InlineData("""{"width":1,"title":null}""", "/parameters/title", "text")]
    [InlineData("""{"width":1,"a/b":1}""", "/parameters/a~1b", "no such parameter")]
    public void Values_ThatDoNotFit_AreRefused(string values, string pointer, string reason)
    {
        var refusal = Fill(values).Refusal.ShouldNotBeNull();

        refusal.Code.ShouldBe(TemplateRefusal.TemplateValuesInvalid);
        refusal.Errors.ShouldContain(error => error.Pointer == pointer && error.Reason.Contains(reason, StringComparison.Ordinal));
    }

    [Fact]
    public void Template_WithFaults_TellsThemAll()
    {
        TemplateParameter[] parameters =
        [
            new("1st", ParameterType.Text, null, null), new("a", ParameterType.Number, null, Json("\"x\"")), new("a", ParameterType.Text, null, null),
        ];

        TemplateBlanks.Check("", parameters, JsonNode.Parse("""{"agent":"{{b}}"}""")!).Select(error => error.Pointer)
            .ShouldBe(["/name", "/parameters/0/name", "/parameters/1/default", "/parameters/2/name", "/task"]);
        TemplateBlanks.Check("good", s_parameters, JsonNode.Parse(Task)!).ShouldBeEmpty();
    }

    [Fact]
    public void Values_ThatWouldMakeTheTaskTooLong_AreRefusedBeforeTheyAreFilledIn()
    {
        // More than a gigabyte, of 100 KB and 60 KB.
        var template = new TaskTemplate(
            new Id<TaskTemplate>(Guid.Empty), new Id<User>(Guid.Empty), "long",
            "{\"input\":{\"text\":\"" + string.Concat(Enumerable.Repeat("{{a}}", 20_000)) + "\"}}",
            [new TemplateParameter("a", ParameterType.Text, null, null)],
            DateTimeOffset.UnixEpoch);

        var refusal = TemplateBlanks.Fill(template, Values(new string('x', 60_000))).Refusal.ShouldNotBeNull();

        (refusal.Code, refusal.Detail.Contains("2,097,152 characters", StringComparison.Ordinal)).ShouldBe((TemplateRefusal.TemplateValuesInvalid, true));
        TemplateBlanks.Fill(template, Values("x")).Value["input"]!["text"]!.GetValue<string>().Length.ShouldBe(20_000);

        static Dictionary<string, JsonElement> Values(string a) => new() { ["a"] = JsonSerializer.SerializeToElement(a) };
    }

    [Fact]
    public void Values_OfManyUnknownNames_AreToldInPart()
    {
        var values = string.Join(',', Enumerable.Range(0, 1_000).Select(i => $"\"x{i}\":1"));

        Fill($"{{\"width\":1,{values}}}").Refusal.ShouldNotBeNull().Errors.Count.ShouldBe(32);
    }

    private static Outcome<JsonNode, TemplateRefusal> Fill(string values) => TemplateBlanks.Fill(
        new TaskTemplate(default, default(Id<User>), "test", Task, s_parameters, default),
        JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(values)!);

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;
}
