using System.Text;
using System.Text.Json.Nodes;
using Stoa.Market.Workflows;

namespace Stoa.Market.Tests.Workflows;

public sealed class YamlDocumentTests
{
    [Theory]
    [InlineData("a: 1\nb: [x, 'y', \"z\"]", """{"a":1,"b":["x","y","z"]}""")]
    [InlineData("a: ~\nb:\nc: null\nd: 'null'", """{"a":null,"b":null,"c":null,"d":"null"}""")]
    [InlineData("a: true\nb: no\nc: 1:30\nd: 0x10\ne: 1.5e3\nf: .5\ng: +7\nh: 1_000", """{"a":true,"b":"no","c":"1:30","d":"0x10","e":1500,"f":0.5,"g":7,"h":"1_000"}""")]
    [InlineData("a: |\n  one\n  two\nb: >-\n  three\n  four", """{"a":"one\ntwo\n","b":"three four"}""")]
    [InlineData("a: ${nodes.b.output}\nb: \"${join(' ', c)}\"", """{"a":"${nodes.b.output}","b":"${join(' ', c)}"}""")]
    [InlineData("{\"a\": {\"b\": [1, {}]}}", """{"a":{"b":[1,{}]}}""")]
    [InlineData("# nothing\n- 1\n-\n  a: 2", """[1,{"a":2}]""")]
    [InlineData("1: one\ntrue: two", """{"1":"one","true":"two"}""")]
    [InlineData("a: 99999999999999999999", """{"a":1E+20}""")]
    public void Document_IsTheSameInJson(string yaml, string json)
    {
        YamlDocument.TryConvert(Encoding.UTF8.GetBytes(yaml), 1_000, out var converted).ShouldBeNull();

        JsonNode.DeepEquals(JsonNode.Parse(converted.Span), JsonNode.Parse(json)).ShouldBeTrue(Encoding.UTF8.GetString(converted.Span));
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("a: &x 1\nb: *x", "anchors")]
    [InlineData("a: *x", "aliases")]
    [InlineData("a: !!binary aGk=", "tags")]
    [InlineData("a: 1\n---\nb: 2", "second")]
    [InlineData("? [a, b]\n: 1", "name of a member is a text")]
    [InlineData("a: [1", "Line")]
    [InlineData("a: 1\n b: 2", "Line")]
    [InlineData("a: \"\\uD800\"", "")]
    public void WhatIsNotTaken_IsSaid(string yaml, string why) => YamlDocument.TryConvert(Encoding.UTF8.GetBytes(yaml), 1_000, out _).ShouldNotBeNull().ShouldContain(why);

    [Fact]
    public void Documents_ThatAreTooDeepOrTooLarge_AreRefused()
    {
        YamlDocument.TryConvert(Encoding.UTF8.GetBytes(new string('[', 65) + new string(']', 65)), 1_000, out _).ShouldNotBeNull().ShouldContain("64 levels");
        YamlDocument.TryConvert(Encoding.UTF8.GetBytes($"[{string.Join(",", Enumerable.Repeat("abc", 1_000))}]"), 1_000, out _).ShouldNotBeNull().ShouldContain("too large");
        YamlDocument.TryConvert(new byte[] { 0xff, 0xfe, 0x00 }, 1_000, out _).ShouldNotBeNull().ShouldContain("UTF-8");
    }
}
