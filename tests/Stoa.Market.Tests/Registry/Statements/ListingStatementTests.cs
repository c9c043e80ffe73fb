using System.Text;
using System.Text.Json.Nodes;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Market.Tests.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Statements;

/// <summary>Listings by the later schemas, beside those of the first, which stay as they are.</summary>
public sealed class ListingStatementTests
{
    public static TheoryData<ListingKind> Kinds => [.. GoodsSamples.Kinds];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Goods_ThatWereSigned_AreOpenedAsWhatWasSaid(ListingKind kind)
    {
        var signed = StatementSamples.Sign(Goods(kind));

        var opened = Statement.Open(DsseEnvelope.FromJson(signed.Envelope.ToJson())).Value;

        var goods = opened.Content.ShouldBeOfType<GoodsStatement>();
        (goods.Listed, goods.Kind, goods.ManifestJson, opened.Key).ShouldBe((kind, StatementKind.Listing, GoodsSamples.Json(kind), signed.Key));
        StatementSamples.Sign(opened.Content).Id.ShouldBe(signed.Id);
        SchemaOf(signed).ShouldBe(2);
    }

    [Fact]
    public void Agent_WithoutWhatIsNew_IsSaidByTheFirstSchema_AndWithItByTheSecond()
    {
        var plain = StatementSamples.Listing();
        SchemaOf(StatementSamples.Sign(plain)).ShouldBe(1);

        var shelved = Shelved();
        var signed = StatementSamples.Sign(shelved);
        SchemaOf(signed).ShouldBe(2);
        Statement.Open(signed.Envelope).Value.Content.ShouldBeOfType<AgentListing>().Manifest.ShouldSatisfyAllConditions(
            manifest => manifest.Category.ShouldBe("image-editing"), manifest => manifest.License.ShouldBe("MIT"));
    }

    [Fact]
    public void Agent_ThatNamesModels_IsSaidByTheThirdSchema_AndNoOtherChanges()
    {
        var signed = StatementSamples.Sign(Modelled());

        SchemaOf(signed).ShouldBe(3);
        var opened = Statement.Open(signed.Envelope).Value;
        var manifest = opened.Content.ShouldBeOfType<AgentListing>().Manifest;
        manifest.Models.Select(model => (model.Model.ToString(), model.IsPreferred)).ShouldBe([("stoa/base-model@^1.0.0", false), ("stoa/big-model@*", true)]);
        StatementSamples.Sign(opened.Content).Id.ShouldBe(signed.Id);
        Change(Modelled(), root => root["schema"] = 2).Errors.ShouldContain(error => error.Pointer == "/schema");
    }

    [Fact]
    public void Agent_ThatAsksModels_IsSaidByTheFourthSchema()
    {
        var plain = StatementSamples.Listing();
        var json = plain.ManifestJson.TrimEnd().TrimEnd('}') + ", \"asks\": [{ \"auto\": [\"chat\"], \"maxRequests\": 2, \"maxPrice\": \"0.01\" }] }";
        var asking = plain with { Manifest = ManifestReader.Read(Encoding.UTF8.GetBytes(json)).Value, ManifestJson = json };
        var signed = StatementSamples.Sign(asking);

        SchemaOf(signed).ShouldBe(4);
        Statement.Open(signed.Envelope).Value.Content.ShouldBeOfType<AgentListing>().Manifest.Asks.ShouldHaveSingleItem().Model.ShouldBe("auto:chat");
        Change(asking, root => root["schema"] = 3).Errors.ShouldContain(error => error.Pointer == "/schema");
    }

    [Fact]
    public void Agent_ThatHasTakenWhatItCallsByARange_IsSaidByTheFifthSchema_WhateverElseItNames()
    {
        var plain = StatementSamples.Listing();
        const string uses = ", \"uses\": [{ \"agent\": \"stoa/echo@1.2.0\", \"range\": \"^1.2\", \"maxCalls\": 1, \"maxPrice\": \"1\" }]";
        foreach (var more in new[] { "", ", \"asks\": [{ \"auto\": [\"chat\"], \"maxRequests\": 2, \"maxPrice\": \"0.01\" }]", ", \"models\": [{ \"listing\": \"stoa/tiny\" }]" })
        {
            var ranged = With(uses + more);
            var signed = StatementSamples.Sign(ranged);

            SchemaOf(signed).ShouldBe(5);
            Statement.Open(signed.Envelope).Value.Content.ShouldBeOfType<AgentListing>().Manifest.Uses.ShouldHaveSingleItem().Range.ShouldBe(SemanticRange.Parse("^1.2"));
            Change(ranged, root => root["schema"] = 4).Errors.ShouldContain(error => error.Pointer == "/schema");
        }

        var exact = With(uses.Replace(", \"range\": \"^1.2\"", "", StringComparison.Ordinal));
        SchemaOf(StatementSamples.Sign(exact)).ShouldBe(1);
        // A statement is of what was published: a range that took nothing is in none.
        Change(plain, root => root["body"]!["manifest"] = With(uses).ManifestJson.Replace("echo@1.2.0", "echo", StringComparison.Ordinal)).Errors.ShouldContain(error => error.Pointer == "/body/manifest");

        AgentListing With(string members)
        {
            var json = plain.ManifestJson.TrimEnd().TrimEnd('}') + members + " }";
            return plain with { Manifest = ManifestReader.Read(Encoding.UTF8.GetBytes(json)).Value, ManifestJson = json };
        }
    }

    [Fact]
    public void Kind_OfAListing_IsReadOfTheBeginningOfItsPayload()
    {
        foreach (var content in (ListingStatement[])[StatementSamples.Listing(), Shelved(), Modelled(), .. GoodsSamples.Kinds.Select(Goods)])
            ListingStatement.KindOf(StatementSamples.Sign(content).Payload.AsSpan(0, ListingStatement.KindBytes)).ShouldBe(content.Listed);
        Should.Throw<ArgumentException>(() => ListingStatement.KindOf("{\"body\":{\"kind\":\"none"u8));
    }

    [Fact]
    public void Listing_ByAnotherSchemaThanTheFirstThatCanSayIt_IsRefused()
    {
        Change(StatementSamples.Listing(), root => root["schema"] = 2).Errors.ShouldContain(error => error.Pointer == "/schema");
        Change(Shelved(), root => root["schema"] = 1).Errors.ShouldContain(error => error.Pointer == "/schema");
        Change(Goods(ListingKind.Model), root => root["schema"] = 1).Errors.ShouldContain(error => error.Pointer == "/schema");
    }

    [Theory]
    [InlineData("kind", "\"dataset\"", "/body/kind")]
    [InlineData("kind", "\"agent\"", "/body/kind")]
    [InlineData("kind", "7", "/body/kind")]
    [InlineData("manifest", "\"{}\"", "/body/manifest")]
    [InlineData("programBytes", "7", "/body/programBytes")]
    public void Goods_WithAMemberThatIsWrong_SayWhich(string member, string value, string pointer) =>
        Change(Goods(ListingKind.Model), root => root["body"]![member] = JsonNode.Parse(value)).Errors.ShouldContain(error => error.Pointer == pointer);

    [Fact]
    public void Goods_UnderAnotherNameOrVersion_AreRefused()
    {
        Change(Goods(ListingKind.Bundle), root => root["name"] = "other").Errors.ShouldContain(error => error.Pointer == "/name");
        Change(Goods(ListingKind.Bundle), root => root["version"] = "1.0.1").Errors.ShouldContain(error => error.Pointer == "/version");
    }

    private static GoodsStatement Goods(ListingKind kind) => new(GoodsSamples.Read(GoodsSamples.Json(kind)), GoodsSamples.Json(kind));

    private static AgentListing Shelved()
    {
        var plain = StatementSamples.Listing();
        var json = plain.ManifestJson.TrimEnd().TrimEnd('}') + ", \"category\": \"image-editing\", \"license\": \"MIT\" }";
        return plain with { Manifest = ManifestReader.Read(Encoding.UTF8.GetBytes(json)).Value, ManifestJson = json };
    }

    private static AgentListing Modelled()
    {
        var plain = StatementSamples.Listing();
        var json = plain.ManifestJson.TrimEnd().TrimEnd('}')
            + ", \"models\": [{ \"listing\": \"stoa/base-model\", \"range\": \"^1.0.0\" }, { \"listing\": \"stoa/big-model\", \"preferred\": true }] }";
        return plain with { Manifest = ManifestReader.Read(Encoding.UTF8.GetBytes(json)).Value, ManifestJson = json };
    }

    private static int SchemaOf(Statement statement) => (int)JsonNode.Parse(statement.Payload)!["schema"]!;

    private static Refusal<StatementFault> Change(StatementContent content, Action<JsonObject> change)
    {
        var root = JsonNode.Parse(StatementSamples.Sign(content).Payload)!.AsObject();
        change(root);
        var payload = CanonicalJson.Write(Encoding.UTF8.GetBytes(root.ToJsonString()));
        return Statement.Open(DsseEnvelope.Sign(Statement.PayloadType, payload, StatementSamples.Key)).Refusal.ShouldNotBeNull();
    }
}
