"""Usher's price list of Personalize."""

# Source: docs/cost.md, from copies of the price page made by others; the page itself needs a browser to run its
# scripts.
SOURCE = "https://aws.amazon.com/personalize/pricing/ (us-east-1; unverified copies of 2024 to 2026)"
DATE = "2026-11-24"
PRICES = {
    "importGB": 0.05,
    "trainingHour": 0.24,
    "trainingThousandInteractionsV2": 0.002,
    "requestThousand": 0.0556,
    "requestThousandV2": 0.15,
    "batchThousand": 0.067,
    "batchThousandV2": 0.15,
    "recommenderHour": 0.375,
    "recommenderRequestThousand": 0.0833,
}
"""US dollars. Without V2: recipes whose name does not end in -v2."""
