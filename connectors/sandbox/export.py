"""Contact exports of HubSpot and Salesforce, read as people have them."""
