using System.Text;
using System.Text.Json.Nodes;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Goods;

public sealed class GoodsReaderTests
{
    public static TheoryData<ListingKind> Kinds => [.. GoodsSamples.Kinds];

    [Fact]
    public void Read_AModel_GivesAllThatItSays()
    {
        var model = GoodsSamples.Read(GoodsSamples.Json(ListingKind.Model));

        (model.Kind, model.Name, model.Version.ToString(), model.Category, model.License, model.Tags.ShouldHaveSingleItem()).ShouldBe((ListingKind.Model, "small-thing", "1.0.0", "language", "Apache-2.0 OR MIT", "English"));
        var details = model.Details.ShouldBeOfType<ModelDetails>();
        (details.Framework, details.Architecture, details.Quantisation, details.ContextLength, details.ParameterCount).ShouldBe(("gguf", "llama", "Q4_K_M", 8_192L, 1_100_048_384L));
        details.Content.ShouldBe(new GoodsContent(GoodsSamples.Content, 7));
        details.Capabilities.ShouldBe(["chat", "text.summary"]);
        details.Price.ShouldBe(new ModelPrice(Money.Parse("0.04"), Money.Parse("0.08")));
        details.Requires.ShouldHaveSingleItem().ToString().ShouldBe("stoa/base-model@^1.0.0");
    }

    [Fact]
    public void Read_TheOtherKinds_GivesWhatTheyConsistOf()
    {
        var dataset = GoodsSamples.Read(GoodsSamples.Json(ListingKind.Dataset)).Details.ShouldBeOfType<DatasetDetails>();
        (string.Join(' ', dataset.Formats), dataset.Records, dataset.Content.Bytes).ShouldBe(("text/csv parquet", 1_000, 7));
        var template = GoodsSamples.Read(GoodsSamples.Json(ListingKind.Template)).Details.ShouldBeOfType<TemplateDetails>();
        (template.Content.Digest, template.Requires.ShouldHaveSingleItem().Range).ShouldBe((GoodsSamples.Content, SemanticRange.Any));
        template.Parameters.ShouldContain("topic");
        var bundle = GoodsSamples.Read(GoodsSamples.Json(ListingKind.Bundle)).Details.ShouldBeOfType<BundleDetails>();
        (bundle.Content, string.Join(' ', bundle.Listings)).ShouldBe((null, "stoa/image-resize@1.x stoa/base-model@*"));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Read_WithAMemberLessOrMore_SaysWhich(ListingKind kind)
    {
        GoodsSamples.Faults(kind, _ => { }).ShouldBeEmpty();
        GoodsSamples.Faults(kind, root => root["extra"] = 1).ShouldBe(["/extra"]);
        foreach (var member in (string[])["name", "version", "description"])
            GoodsSamples.Faults(kind, root => root.Remove(member)).ShouldBe(["/" + member]);
        GoodsSamples.Faults(kind, root => root.Remove("kind")).ShouldContain("/kind");
        // What is said of no other kind has to be there.
        var own = kind switch { ListingKind.Model => "weights", ListingKind.Bundle => "listings", _ => "content" };
        GoodsSamples.Faults(kind, root => root.Remove(own)).ShouldBe(["/" + own]);
    }

    [Theory]
    [InlineData(ListingKind.Model, "kind", "\"agent\"", "/kind")]
    [InlineData(ListingKind.Model, "kind", "\"robot\"", "/kind")]
    [InlineData(ListingKind.Model, "name", "\"Small\"", "/name")]
    [InlineData(ListingKind.Model, "version", "\"1\"", "/version")]
    [InlineData(ListingKind.Model, "description", "\"\\u0007\"", "/description")]
    [InlineData(ListingKind.Model, "category", "\"Language\"", "/category")]
    [InlineData(ListingKind.Model, "license", "\"MIT OR\"", "/license")]
    [InlineData(ListingKind.Model, "framework", "\"GGUF\"", "/framework")]
    [InlineData(ListingKind.Model, "quantisation", "\"Q4 K\"", "/quantisation")]
    [InlineData(ListingKind.Model, "contextLength", "0", "/contextLength")]
    [InlineData(ListingKind.Model, "contextLength", "4294967296", "/contextLength")]
    [InlineData(ListingKind.Model, "parameterCount", "1.5", "/parameterCount")]
    [InlineData(ListingKind.Model, "weights", "{ \"digest\": \"sha256:00\", \"bytes\": 0, \"more\": 1 }", "/weights/digest /weights/bytes /weights/more")]
    [InlineData(ListingKind.Model, "capabilities", "[]", "/capabilities")]
    [InlineData(ListingKind.Model, "capabilities", "[\"chat\", \"chat\"]", "/capabilities")]
    [InlineData(ListingKind.Model, "price", "{ \"perMillionInputTokens\": \"-1\", \"perMillionOutputTokens\": 1 }", "/price/perMillionInputTokens /price/perMillionOutputTokens")]
    [InlineData(ListingKind.Model, "requires", "[{ \"listing\": \"stoa/base@1.0.0\" }]", "/requires/0/listing")]
    [InlineData(ListingKind.Model, "requires", "[{ \"listing\": \"base\", \"range\": \"one\" }]", "/requires/0/listing /requires/0/range")]
    [InlineData(ListingKind.Dataset, "formats", "[]", "/formats")]
    [InlineData(ListingKind.Dataset, "formats", "[\"a b\"]", "/formats/0")]
    [InlineData(ListingKind.Dataset, "records", "-1", "/records")]
    [InlineData(ListingKind.Template, "parameters", "7", "/parameters")]
    [InlineData(ListingKind.Template, "parameters", "{ \"$ref\": \"https://example.org/x.json\" }", "/parameters/$ref")]
    [InlineData(ListingKind.Bundle, "listings", "[]", "/listings")]
    [InlineData(ListingKind.Bundle, "listings", "[{ \"listing\": \"stoa/one\" }, { \"listing\": \"stoa/one\" }]", "/listings")]
    public void Read_WithAMemberThatIsWrong_SaysWhich(ListingKind kind, string member, string value, string pointers) =>
        GoodsSamples.Faults(kind, root => root[member] = JsonNode.Parse(value)).ShouldBe(pointers.Split(' '));

    [Fact]
    public void Read_WithManyFaults_SaysAllAtOnce() =>
        GoodsSamples.Faults(ListingKind.Model, root => (root["name"], root["license"], root["contextLength"], root["colour"]) = (1, "?", -1, "red"))
            .ShouldBe(["/name", "/license", "/contextLength", "/colour"], ignoreOrder: true);

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("not json")]
    [InlineData("{ \"kind\": \"model\", \"kind\": \"model\" }")]
    [InlineData("{ \"kind\": \"\\ud800\" }")]
    public void Read_WhatIsNoManifest_IsRefused(string json) => GoodsReader.Read(Encoding.UTF8.GetBytes(json)).Refusal!.Code.ShouldBe(GoodsRefusal.GoodsInvalid);

    [Fact]
    public void Read_WhatIsTooLong_IsRefused() => GoodsReader.Read(new byte[ManifestReader.MaxBytes + 1]).Refusal!.Errors.ShouldHaveSingleItem().Reason.ShouldContain("bytes");
}
