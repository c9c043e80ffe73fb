using System.Text;
using System.Text.Json.Nodes;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Statements;

public sealed class StatementTests
{
    public static TheoryData<StatementKind> Kinds => [.. Enum.GetValues<StatementKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Open_WhatWasSigned_GivesWhatWasSaid(StatementKind kind)
    {
        var signed = StatementSamples.Sign(StatementSamples.Of(kind));

        var opened = Statement.Open(DsseEnvelope.FromJson(signed.Envelope.ToJson())).Value;

        (opened.Id, opened.SignerId, opened.Hlc, opened.Key.Kind).ShouldBe((ContentHash.Of(signed.Payload), StatementSamples.Key.PublicKey.PeerId, StatementSamples.At(), kind));
        opened.Item.ShouldBe(signed.Item);
        StatementSamples.Sign(opened.Content).Id.ShouldBe(signed.Id);
        Statement.FromKept(signed.Payload, signed.Signature).Key.ShouldBe(signed.Key);
    }

    [Fact]
    public void Offer_IsOfTheSecondSchema_OnlyWhenItHasModels()
    {
        var (without, with) = (StatementSamples.Sign(StatementSamples.Offer()), StatementSamples.Sign(StatementSamples.Offer() with { Models = [ContentHash.Of("weights"u8)] }));

        (without.Content.Schema, with.Content.Schema).ShouldBe((1, 2));
        var opened = Statement.Open(with.Envelope).Value;
        ((OfferStatement)opened.Content).Models.ShouldBe([ContentHash.Of("weights"u8)]);
        StatementSamples.Sign(opened.Content).Id.ShouldBe(with.Id);
        Change(with, root => root["schema"] = 1).Errors.ShouldContain(error => error.Pointer == "/schema");
    }

    [Fact]
    public void Offer_IsOfTheThirdSchema_OnlyWhenItSellsModels()
    {
        var sold = new OfferedModel(new KeyedListing(StatementSamples.Key.PublicKey.PeerId, "tiny", SemanticVersion.Parse("1.0.0")), Money.Parse("0.5"), Money.Parse("1.5"), 8_192, 81);
        var unmeasured = sold with { Model = sold.Model with { Name = "small" }, ContextLength = null, TokensPerSecond = null };
        var (without, with) = (StatementSamples.Sign(StatementSamples.Offer()), StatementSamples.Sign(StatementSamples.Offer() with { Sells = [sold, unmeasured] }));

        (without.Content.Schema, with.Content.Schema).ShouldBe((1, 3));
        var opened = Statement.Open(with.Envelope).Value;
        ((OfferStatement)opened.Content).Sells.ShouldBe([sold, unmeasured]);
        StatementSamples.Sign(opened.Content).Id.ShouldBe(with.Id);
        Change(with, root => root["schema"] = 2).Errors.ShouldContain(error => error.Pointer == "/schema");
    }

    [Fact]
    public void Offer_IsOfTheFourthSchema_OnlyWhenItSaysWhatRunsCost()
    {
        var run = new PostedRun(ContentHash.Of("program"u8), new AgentPrice(Money.Parse("0.01"), Money.Parse("0.002"), Money.Parse("0.0003"), Money.Parse("0.00004")));
        var (without, with) = (StatementSamples.Sign(StatementSamples.Offer()), StatementSamples.Sign(StatementSamples.Offer() with { Runs = [run] }));

        (without.Content.Schema, with.Content.Schema).ShouldBe((1, 4));
        var opened = Statement.Open(with.Envelope).Value;
        ((OfferStatement)opened.Content).Runs.ShouldBe([run]);
        ((OfferStatement)opened.Content).PriceOf(run.Program).ShouldBe(run.Price);
        ((OfferStatement)opened.Content).PriceOf(ContentHash.Of("another"u8)).ShouldBeNull();
        StatementSamples.Sign(opened.Content).Id.ShouldBe(with.Id);
        Change(with, root => root["schema"] = 3).Errors.ShouldContain(error => error.Pointer == "/schema");
    }

    [Theory]
    [InlineData(0.2, 1)]
    [InlineData(7.4, 7)]
    [InlineData(81.6, 82)]
    [InlineData(99.7, 100)]
    [InlineData(1_234.5, 1_200)]
    [InlineData(9_960, 10_000)]
    [InlineData(1e12, 1_000_000_000)]
    public void Speed_OfAModelThatIsSold_IsSaidToTwoDigits(double measured, long said) => OfferedModel.Rounded(measured).ShouldBe(said);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Open_WithAMemberLessOrMore_SaysWhich(StatementKind kind)
    {
        var signed = StatementSamples.Sign(StatementSamples.Of(kind));
        Change(signed, root => root["extra"] = 1).Errors.ShouldContain(error => error.Pointer == "/extra");
        Change(signed, root => root["body"]!["extra"] = 1).Errors.ShouldContain(error => error.Pointer == "/body/extra");
        Change(signed, root => root.Remove("hlc")).Errors.ShouldContain(error => error.Pointer == "/hlc");
        Change(signed, root => root.Remove("signer")).Errors.ShouldContain(error => error.Pointer == "/signer");
        Change(signed, root => root.Remove("body")).Errors.ShouldContain(error => error.Pointer == "/body");
        Change(signed, root => root["work"] = null).Errors.ShouldContain(error => error.Pointer == "/work");
        Change(signed, root => root["schema"] = kind.LatestSchema() + 1).Code.ShouldBe(StatementFault.SchemaUnknown);
        Change(signed, root => root["kind"] = "rumour").Code.ShouldBe(StatementFault.SchemaUnknown);
        Change(signed, root => root.Remove("kind")).Code.ShouldBe(StatementFault.NotAStatement);
    }

    [Theory]
    [InlineData(StatementKind.Profile, "displayName", "\"\"")]
    [InlineData(StatementKind.Profile, "displayName", "\"a\\u0007b\"")]
    [InlineData(StatementKind.Profile, "handle", "\"Ann\"")]
    [InlineData(StatementKind.Profile, "handle", "\"ann..org\"")]
    [InlineData(StatementKind.Listing, "programBytes", "0")]
    [InlineData(StatementKind.Listing, "programDigest", "\"sha256:00\"")]
    [InlineData(StatementKind.Listing, "manifest", "\"{}\"")]
    [InlineData(StatementKind.Withdrawal, "withdrawn", "\"yes\"")]
    [InlineData(StatementKind.Withdrawal, "reason", "\"\"")]
    [InlineData(StatementKind.Deprecation, "instead", "\"ann/scale\"")]
    [InlineData(StatementKind.Offer, "addresses", "[\"192.0.2.1\"]")]
    [InlineData(StatementKind.Offer, "region", "\"EU\"")]
    [InlineData(StatementKind.Offer, "models", "[]")]
    [InlineData(StatementKind.Offer, "models", "[\"sha256:00\"]")]
    [InlineData(StatementKind.Offer, "sells", "[]")]
    [InlineData(StatementKind.Offer, "sells", "[{\"inputPrice\":\"0.500000000\",\"model\":\"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/tiny@1.0.0\",\"outputPrice\":\"1.500000000\"},{\"inputPrice\":\"0.500000000\",\"model\":\"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/tiny@1.0.0\",\"outputPrice\":\"1.500000000\"}]")]
    [InlineData(StatementKind.Offer, "sells", "[{\"inputPrice\":\"0.500000000\",\"model\":\"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/tiny\",\"outputPrice\":\"1.500000000\"}]")]
    [InlineData(StatementKind.Offer, "sells", "[{\"inputPrice\":\"0.500000000\",\"model\":\"ann/tiny@1.0.0\",\"outputPrice\":\"1.500000000\"}]")]
    [InlineData(StatementKind.Offer, "sells", "[{\"inputPrice\":\"0.5\",\"model\":\"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/tiny@1.0.0\",\"outputPrice\":\"1.500000000\"}]")]
    [InlineData(StatementKind.Offer, "sells", "[{\"inputPrice\":\"-0.500000000\",\"model\":\"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/tiny@1.0.0\",\"outputPrice\":\"1.500000000\"}]")]
    [InlineData(StatementKind.Offer, "sells", "[{\"inputPrice\":\"0.500000000\",\"model\":\"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/tiny@1.0.0\",\"outputPrice\":\"1.500000000\",\"tokensPerSecond\":0}]")]
    [InlineData(StatementKind.Offer, "sells", "[{\"inputPrice\":\"0.500000000\",\"model\":\"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/tiny@1.0.0\",\"outputPrice\":\"1.500000000\",\"contextLength\":0}]")]
    [InlineData(StatementKind.Offer, "sells", "[{\"inputPrice\":\"0.500000000\",\"model\":\"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/tiny@1.0.0\",\"outputPrice\":\"1.500000000\",\"capabilities\":[]}]")]
    [InlineData(StatementKind.Offer, "runs", "[]")]
    [InlineData(StatementKind.Offer, "runs", "[{\"base\":\"0.1\",\"perGigabyteSecond\":\"0.000000000\",\"perGigafuel\":\"0.000000000\",\"perMegabyte\":\"0.000000000\",\"program\":\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}]")]
    [InlineData(StatementKind.Offer, "runs", "[{\"base\":\"0.100000000\",\"perGigabyteSecond\":\"0.000000000\",\"perGigafuel\":\"0.000000000\",\"perMegabyte\":\"0.000000000\"}]")]
    [InlineData(StatementKind.Offer, "runs", "[{\"base\":\"0.100000000\",\"perGigabyteSecond\":\"-0.000000001\",\"perGigafuel\":\"0.000000000\",\"perMegabyte\":\"0.000000000\",\"program\":\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}]")]
    [InlineData(StatementKind.Offer, "priceFactorPermille", "-1")]
    [InlineData(StatementKind.Offer, "expiresAt", "\"2036-01-01T00:00:00.000Z\"")]
    [InlineData(StatementKind.Offer, "expiresAt", "\"tomorrow\"")]
    [InlineData(StatementKind.Review, "stars", "6")]
    [InlineData(StatementKind.Review, "stars", "0")]
    [InlineData(StatementKind.Review, "text", "\" \"")]
    [InlineData(StatementKind.Review, "text", "\"a\\u0007b\"")]
    [InlineData(StatementKind.Review, "agent", "\"ann/scale\"")]
    [InlineData(StatementKind.Review, "proof", "{}")]
    [InlineData(StatementKind.Review, "proof", "\"yes\"")]
    [InlineData(StatementKind.Transfer, "to", "\"ann/scale\"")]
    [InlineData(StatementKind.Transfer, "to", "\"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/scale@1.0.0\"")]
    [InlineData(StatementKind.Transfer, "from", "7")]
    [InlineData(StatementKind.Split, "creatorPercent", "71")]
    [InlineData(StatementKind.Split, "nodePercent", "-1")]
    [InlineData(StatementKind.Summary, "from", "\"2036-01-01T00:00:00.000Z\"")]
    [InlineData(StatementKind.Summary, "from", "\"2016-01-01T00:00:00.000Z\"")]
    [InlineData(StatementKind.Summary, "to", "\"2036-01-01T00:00:00.000Z\"")]
    [InlineData(StatementKind.Summary, "agents", "[{\"agent\":\"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/scale\",\"receipts\":0}]")]
    [InlineData(StatementKind.Summary, "agents", "[{\"agent\":\"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/scale@1.0.0\",\"receipts\":1}]")]
    [InlineData(StatementKind.Summary, "agents", "[{\"agent\":\"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/b\",\"receipts\":1},{\"agent\":\"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N/aa\",\"receipts\":1}]")]
    public void Open_WithAMemberThatIsWrong_SaysWhich(StatementKind kind, string member, string value) =>
        Change(StatementSamples.Sign(StatementSamples.Of(kind)), root => root["body"]![member] = JsonNode.Parse(value))
            .Errors.ShouldContain(error => error.Pointer.StartsWith("/body/" + member, StringComparison.Ordinal));

    [Fact]
    public void Open_WithManyFaults_SaysAllAtOnce() =>
        Change(StatementSamples.Sign(StatementSamples.Offer()), root =>
        {
            root["extra"] = 1;
            root.Remove("signer");
            var body = root["body"]!.AsObject();
            (body["addresses"], body["region"], body["priceFactorPermille"], body["more"]) = (new JsonArray("192.0.2.1"), "EU", -1, 2);
        }).Errors.Select(error => error.Pointer.Replace("/0", "", StringComparison.Ordinal)).ShouldBe(["/extra", "/signer", "/body/addresses", "/body/region", "/body/priceFactorPermille", "/body/more"], ignoreOrder: true);

    [Theory]
    [InlineData("name", "other")]
    [InlineData("version", "1.0.1")]
    public void Open_AListingUnderAnotherNameThanItsManifests_IsRefused(string member, string value) =>
        Change(StatementSamples.Sign(StatementSamples.Listing()), root => root[member] = value).Errors.ShouldHaveSingleItem().Pointer.ShouldBe("/" + member);

    [Fact]
    public void Open_AReviewWhoseProofIsOfAnother_IsRefused()
    {
        using var other = PrivateKey.Generate();
        var ofAnother = StatementSamples.Review(reviewer: other);
        Statement.Open(StatementSamples.Sign(ofAnother).Envelope).Refusal!.Code.ShouldBe(StatementFault.ProofInvalid);
        Statement.Open(StatementSamples.Sign(ofAnother, key: other).Envelope).Value.Content.ShouldBeOfType<ReviewStatement>().Verdict!.Stars.ShouldBe(4);

        var review = StatementSamples.Review();
        var ofAnotherVersion = review with { Of = review.Of with { Version = SemanticVersion.Parse("2.0.0") } };
        Statement.Open(StatementSamples.Sign(ofAnotherVersion).Envelope).Refusal!.Code.ShouldBe(StatementFault.ProofInvalid);
        var byAnotherNode = review with { Verdict = review.Verdict! with { Proof = review.Verdict.Proof with { Node = other.PublicKey } } };
        Statement.Open(StatementSamples.Sign(byAnotherNode).Envelope).Refusal!.Code.ShouldBe(StatementFault.ProofInvalid);
    }

    [Fact]
    public void Key_OfReviews_IsOfReviewerAndAgentWhateverTheVersion()
    {
        var review = StatementSamples.Review();
        var later = review with { Of = review.Of with { Version = SemanticVersion.Parse("2.0.0") } };
        var takenBack = new ReviewStatement(review.Of with { Version = null }, Verdict: null);

        var key = StatementSamples.Sign(review).Key;

        key.ToString().ShouldBe($"review/{StatementSamples.Key.PublicKey.PeerId}/{review.Of.Publisher}/scale");
        StatementSamples.Sign(later).Key.ShouldBe(key);
        StatementSamples.Sign(takenBack).Key.ShouldBe(key);
        StatementSamples.Sign(review with { Of = review.Of with { Name = "other" } }).Key.ShouldNotBe(key);
        Statement.Sign(StatementSamples.Key, StatementSamples.At(), takenBack with { Of = review.Of }).Refusal!.Errors.ShouldHaveSingleItem().Pointer.ShouldBe("/body/agent");
        Statement.Sign(StatementSamples.Key, StatementSamples.At(), review with { Of = takenBack.Of }).Refusal!.Errors.ShouldHaveSingleItem().Pointer.ShouldBe("/body/agent");
    }

    [Fact]
    public void Open_WhatAnotherKeySigned_IsRefused()
    {
        var signed = StatementSamples.Sign(new ProfileStatement("Ann", null));
        using var other = PrivateKey.Generate();
        Statement.Open(DsseEnvelope.Sign(Statement.PayloadType, signed.Payload, other)).Refusal!.Code.ShouldBe(StatementFault.SignatureInvalid);
        Statement.Open(DsseEnvelope.Sign("application/json", signed.Payload, StatementSamples.Key)).Refusal!.Code.ShouldBe(StatementFault.NotAStatement);
    }

    [Fact]
    public void Open_WithTheSignersSignatureAmongOthers_KeepsThatOneAlone()
    {
        var signed = StatementSamples.Sign(new ProfileStatement("Ann", null));
        var stuffed = signed.Envelope with { Signatures = [new DsseSignature("nobody", new byte[1000]), .. signed.Envelope.Signatures] };

        var opened = Statement.Open(stuffed).Value;

        opened.Envelope.ShouldBe(signed.Envelope);
        // Another good signature over the same payload: the same statement.
        Statement.Open(DsseEnvelope.Sign(Statement.PayloadType, signed.Payload, StatementSamples.Key)).Value.Id.ShouldBe(signed.Id);
    }

    [Theory]
    [InlineData(" ")]
    [InlineData("\n")]
    public void Open_AnotherSpellingOfThePayload_IsRefused(string blank)
    {
        var payload = Encoding.UTF8.GetString(StatementSamples.Sign(new ProfileStatement("é", null)).Payload);
        foreach (var spelling in new[] { payload + blank, payload.Replace(":", ":" + blank, StringComparison.Ordinal), payload.Replace("é", "\\u00e9", StringComparison.Ordinal) })
            Resign(Encoding.UTF8.GetBytes(spelling)).Refusal!.Code.ShouldBe(StatementFault.NotCanonical, spelling);
        Resign("[]"u8.ToArray()).Refusal!.Code.ShouldBe(StatementFault.NotAStatement);
        Resign("{"u8.ToArray()).Refusal!.Code.ShouldBe(StatementFault.NotAStatement);
        Resign(Encoding.UTF8.GetBytes("{\"a\":\"\\ud800\"}")).Refusal!.Code.ShouldBe(StatementFault.NotCanonical);
        Resign(new byte[StatementLimits.MaxPayloadBytes + 1]).Refusal!.Code.ShouldBe(StatementFault.TooLarge);
    }

    [Theory]
    [InlineData(0, null)]
    [InlineData(119, null)]
    [InlineData(120, null)]
    [InlineData(121, StatementFault.TooFarAhead)]
    public void CheckTime_OfTheFuture_IsRefusedForNow(int seconds, StatementFault? fault)
    {
        var refusal = StatementSamples.Sign(new ProfileStatement("Ann", null), StatementSamples.At(TimeSpan.FromSeconds(seconds))).CheckTime(StatementSamples.Now);
        (refusal?.Code, refusal?.Code.IsForNow()).ShouldBe((fault, fault is null ? null : true));
    }

    [Fact]
    public void CheckTime_OfAnOffer_RefusesItWhenNoEarlierOneCouldStillBeGood()
    {
        // It is good for a minute, but one before it may be good for a day.
        var offer = StatementSamples.Sign(StatementSamples.Offer(TimeSpan.FromMinutes(1)));
        offer.CheckTime(StatementSamples.Now.AddHours(24)).ShouldBeNull();
        offer.CheckTime(StatementSamples.Now.AddHours(25))!.Code.ShouldBe(StatementFault.Expired);
        StatementFault.Expired.IsForNow().ShouldBeFalse();
        StatementSamples.Sign(StatementSamples.Listing()).CheckTime(StatementSamples.Now.AddYears(10)).ShouldBeNull();
    }

    [Fact]
    public void Sign_WithWork_FindsAnIdThatBeginsWithZeros()
    {
        var worked = Statement.SignWorked(StatementSamples.Key, StatementSamples.At(), new ProfileStatement("Ann", null), AdmissionPolicy.Default with { StrangerWorkBits = 8 }, TestContext.Current.CancellationToken).Value;
        StatementWork.BitsOf(worked.Id).ShouldBeGreaterThanOrEqualTo(8);
        Statement.Open(worked.Envelope).Value.Item.Said.ShouldBe(StatementSamples.Sign(new ProfileStatement("Ann", null)).Item.Said);
        StatementWork.BitsOf(ContentHash.Parse("sha256:00" + "1" + new string('0', 61))).ShouldBe(11);
    }

    [Fact]
    public void Sign_WhatBreaksTheRules_IsRefused() =>
        Statement.Sign(StatementSamples.Key, StatementSamples.At(), new ProfileStatement("a\nb", null)).Refusal!.Code.ShouldBe(StatementFault.MembersInvalid);

    [Fact]
    public void Keys_OfDifferentSigners_AreDifferent()
    {
        using var other = PrivateKey.Generate();
        var (ours, theirs) = (StatementSamples.Sign(StatementSamples.Listing()), StatementSamples.Sign(StatementSamples.Listing(), key: other));
        ours.Key.ShouldNotBe(theirs.Key);
        ours.Key.ToString().ShouldBe($"listing/{StatementSamples.Key.PublicKey.PeerId}/resize/1.0.0");
        StatementSamples.Sign(new ProfileStatement(null, null)).Key.ToString().ShouldBe($"profile/{StatementSamples.Key.PublicKey.PeerId}");
    }

    private static Refusal<StatementFault> Change(Statement signed, Action<JsonObject> change)
    {
        var root = JsonNode.Parse(signed.Payload)!.AsObject();
        change(root);
        return Resign(CanonicalJson.Write(Encoding.UTF8.GetBytes(root.ToJsonString()))).Refusal.ShouldNotBeNull();
    }

    private static Outcome<Statement, StatementFault> Resign(byte[] payload) => Statement.Open(DsseEnvelope.Sign(Statement.PayloadType, payload, StatementSamples.Key));
}
